import { RouterError } from "../../lib/base/mod.ts";
import { assertEquals, assertRejects } from "../support/assert.ts";
import { settle } from "../support/fake_clock.ts";
import { answer, Fixture, lateConnection, text } from "./support/fixture.ts";

const LENGTH_3 = "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n";

Deno.test("client.send() ends when no response head comes in time", async () => {
  for (const start of ["", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 100 Continue\r\n\r\n"]) {
    using fixture = new Fixture();
    const sent = assertRejects(() => fixture.send(), RouterError);
    const socket = await fixture.engines.socket(0);
    await fixture.clock.advance(9000);
    if (start !== "") socket.send(start);
    await fixture.clock.advance(999);
    assertEquals(socket.closed, false);
    await fixture.clock.advance(1);
    const error = await sent;
    assertEquals(error.code, "upstream-timeout");
    assertEquals(
      error.message,
      "Engine http://10.0.0.1:8000 sent no response head for 10000 ms",
    );
    assertEquals([socket.closed, fixture.client.stats().open], [true, 0]);
  }
});

Deno.test("client.send() counts the time for the head from the request's last byte", async () => {
  using fixture = new Fixture();
  fixture.engines.onConnect = (socket) => socket.acceptBytes = 10;
  const sent = fixture.send({ method: "POST", body: [new Uint8Array(100_000)] });
  const socket = await fixture.engines.socket(0);
  await fixture.clock.advance(8000);
  socket.resumeWrites();
  await fixture.clock.advance(8000);
  socket.send(answer("ok"));
  assertEquals(await text(await sent), "ok");
});

Deno.test("client.send() ends when the engine stops reading the request", async () => {
  using fixture = new Fixture();
  fixture.engines.onConnect = (socket) => socket.acceptBytes = 10;
  const sent = assertRejects(
    () => fixture.send({ method: "POST", body: [new Uint8Array(100_000)] }),
    RouterError,
  );
  await fixture.clock.advance(10_000);
  assertEquals((await sent).code, "upstream-timeout");
  assertEquals(fixture.client.stats(), { open: 0, idle: 0 });
});

Deno.test("response.read() ends when the body is silent for too long", async () => {
  using fixture = new Fixture();
  const sent = fixture.send();
  const socket = await fixture.engines.socket(0);
  socket.send(LENGTH_3);
  using response = await sent;
  for (const byte of ["a", "b"]) {
    const reading = response.read();
    await fixture.clock.advance(4999);
    socket.send(byte);
    assertEquals((await reading)?.length, 1);
  }
  const reading = assertRejects(() => response.read(), RouterError);
  await fixture.clock.advance(5000);
  const error = await reading;
  assertEquals(
    [error.code, error.message],
    ["upstream-timeout", "Engine http://10.0.0.1:8000 sent no response body for 5000 ms"],
  );
  assertEquals(await assertRejects(() => response.read(), RouterError), error);
  assertEquals([socket.closed, fixture.client.stats().open], [true, 0]);
});

Deno.test("response.read() is not held against a reader that is slow to call it", async () => {
  using fixture = new Fixture();
  const sent = fixture.send();
  const socket = await fixture.engines.socket(0);
  socket.send(LENGTH_3);
  using response = await sent;
  await fixture.clock.advance(60_000);
  socket.send("a");
  assertEquals((await response.read())?.length, 1);
  await fixture.clock.advance(60_000);
  const reading = response.read();
  await fixture.clock.advance(4999);
  socket.send("bc");
  assertEquals((await reading)?.length, 2);
  assertEquals(await response.read(), undefined);
});

Deno.test("client leaves one timer per connection, however many reads there are", async () => {
  using fixture = new Fixture();
  const sent = fixture.send();
  const socket = await fixture.engines.socket(0);
  socket.send("HTTP/1.1 200 OK\r\n\r\n");
  using response = await sent;
  for (let i = 0; i < 100; i++) {
    const reading = response.read();
    await fixture.clock.advance(1);
    socket.send("x");
    await reading;
    // Of the turn of all reads there is one at times.
    await fixture.clock.advance(0);
    assertEquals(fixture.clock.pending, 1);
  }
});

Deno.test("client.send() ends when no connection comes in time, and closes a late one", async () => {
  const late = lateConnection();
  using fixture = new Fixture({ dial: late.dial });
  const sent = assertRejects(() => fixture.send(), RouterError);
  await fixture.clock.advance(999);
  assertEquals(fixture.clock.pending, 1);
  await fixture.clock.advance(1);
  const error = await sent;
  assertEquals(error.code, "upstream-unreachable");
  assertEquals(
    error.message,
    "Cannot reach engine http://10.0.0.1:8000: not connected in 1000 ms",
  );
  late.arrive();
  await settle();
  assertEquals(late.closed(), 1);
});

Deno.test("client.send() passes the limit on to the dialling", async () => {
  let signal: AbortSignal | undefined;
  using fixture = new Fixture({
    dial: (_origin, given) => {
      signal = given;
      return new Promise((_resolve, reject) => {
        given.addEventListener("abort", () => reject(given.reason));
      });
    },
  });
  const sent = assertRejects(() => fixture.send(), RouterError, "not connected in 1000 ms");
  await fixture.clock.advance(1000);
  await sent;
  assertEquals(signal?.aborted, true);
});
