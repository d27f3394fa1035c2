import { assert, assertEquals, assertRejects } from "../support/assert.ts";
import { eventually } from "../support/eventually.ts";
import { TurnClock } from "../support/turn_clock.ts";
import { Fixture } from "./support/fixture.ts";

const PIECE = "x".repeat(16 * 1024);

/** Engines that have sent all of their answers, and what has been read of them. */
async function reading(
  fixture: Fixture,
  connections: number,
  pieces: number,
  piece: string,
): Promise<{ readonly read: () => number; readonly all: Promise<unknown> }> {
  let read = 0;
  const responses = Array.from({ length: connections }, async (_, index) => {
    const sent = fixture.send();
    const socket = await fixture.engines.socket(index);
    socket.send(`HTTP/1.1 200 OK\r\ncontent-length: ${pieces * piece.length}\r\n\r\n`);
    for (let at = 0; at < pieces; at++) socket.send(piece);
    return await sent;
  });
  const all = (await Promise.all(responses)).map(async (response) => {
    using held = response;
    for (let bytes = await held.read(); bytes; bytes = await held.read()) read += bytes.length;
  });
  return { read: () => read, all: Promise.all(all) };
}

for (const connections of [1, 20]) {
  Deno.test(`${connections} connections let others have their turn after each 128 KiB that they have read`, async () => {
    const clock = new TurnClock();
    using fixture = new Fixture({ clock });
    const pieces = 48;
    const total = connections * pieces * PIECE.length;
    const { read, all } = await reading(fixture, connections, pieces, PIECE);
    await clock.rest();
    let before = read();
    let most = before;
    while (read() < total) {
      await clock.turn();
      most = Math.max(most, read() - before);
      before = read();
    }
    await all;
    assert(most <= 128 * 1024 + 64 * 1024, `${most} bytes in one turn`);
    assert(clock.turns + 1 >= total / most, `${clock.turns} turns`);
  });
}

Deno.test("streams that bring event after event let others have their turn after 8 reads, and pass all in the end", async () => {
  const clock = new TurnClock();
  using fixture = new Fixture({ clock });
  const [connections, events] = [40, 30];
  const event = "data: {}\n\n";
  const { read, all } = await reading(fixture, connections, events, event);
  await clock.rest();
  const counts = [read() / event.length];
  // Whoever waits for an answer's head waits for none of them.
  const sent = fixture.send();
  const socket = await fixture.engines.socket(connections);
  socket.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n");
  using response = await sent;
  assertEquals([response.status, clock.turns], [200, 0]);
  while (read() < connections * events * event.length) {
    const before = read();
    await clock.turn();
    counts.push((read() - before) / event.length);
  }
  await all;
  assertEquals(counts, Array(connections * events / 8).fill(8));
});

Deno.test("a connection with little to read does not wait for those with much", async () => {
  const clock = new TurnClock();
  using fixture = new Fixture({ clock });
  const { all, read } = await reading(fixture, 20, 48, PIECE);
  await clock.turn();
  const sent = fixture.send();
  const socket = await fixture.engines.socket(20);
  socket.send("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n");
  using response = await sent;
  for (let event = 0; event < 10; event++) {
    socket.send("data: tiny");
    assertEquals((await response.read())?.length, 10);
    const { turns } = clock;
    await clock.turn();
    assertEquals(clock.turns, turns + 1);
  }
  assert(read() < 20 * 48 * PIECE.length, "there is more to read");
  while (read() < 20 * 48 * PIECE.length) await clock.turn();
  await all;
});

Deno.test("a connection that is closed during others' turn says why", async () => {
  using fixture = new Fixture();
  const abort = new AbortController();
  const sent = fixture.send({ signal: abort.signal });
  const socket = await fixture.engines.socket(0);
  socket.send("HTTP/1.1 200 OK\r\ncontent-length: 9999999\r\n\r\n");
  for (let piece = 0; piece < 48; piece++) socket.send(PIECE);
  using response = await sent;
  const reading = (async () => {
    while (await response.read() !== undefined) { /* up to the turn */ }
  })();
  reading.catch(() => {});
  await eventually(() => fixture.clock.dueIn(0), () => "others have their turn");
  abort.abort();
  await fixture.clock.advance(0);
  await assertRejects(() => reading, Error, "aborted");
});
