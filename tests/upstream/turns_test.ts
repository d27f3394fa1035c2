import { assert, assertEquals, assertRejects } from "../support/assert.ts";
import { eventually } from "../support/eventually.ts";
import { settle } from "../support/fake_clock.ts";
import { Fixture } from "./support/fixture.ts";

const PIECE = "x".repeat(16 * 1024);

Deno.test("a connection lets others have their turn after each 256 KiB that it has read", async () => {
  using fixture = new Fixture();
  const sent = fixture.send();
  const socket = await fixture.engines.socket(0);
  const pieces = 48;
  socket.send(`HTTP/1.1 200 OK\r\ncontent-length: ${pieces * PIECE.length}\r\n\r\n`);
  for (let piece = 0; piece < pieces; piece++) socket.send(PIECE);
  using response = await sent;
  let read = 0;
  let since = 0;
  let most = 0;
  let ended = false;
  const reading = (async () => {
    for (let bytes = await response.read(); bytes; bytes = await response.read()) {
      read += bytes.length;
      since += bytes.length;
      most = Math.max(most, since);
    }
    ended = true;
  })();
  while (!ended) {
    await settle();
    since = 0;
    await fixture.clock.advance(0);
  }
  await reading;
  assertEquals(read, pieces * PIECE.length);
  assert(most <= 256 * 1024 + 64 * 1024, `${most} bytes in one turn`);
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
