import { decodeUtf8, encodeUtf8, RouterError } from "../../lib/base/mod.ts";
import { assert, assertEquals, assertRejects } from "../support/assert.ts";
import { allCuts } from "../support/cuts.ts";
import { settle } from "../support/fake_clock.ts";
import { TurningClock } from "../support/turning_clock.ts";
import { answer, Fixture, text } from "./support/fixture.ts";

const CHUNKED = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";

Deno.test("client.send() skips interim responses", async () => {
  using fixture = new Fixture();
  const interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n";
  assertEquals(await fixture.exchange(0, interim + answer("final")), "final");
  assertEquals(fixture.client.stats(), { open: 1, idle: 1 });
});

Deno.test("client.send() refuses a switch of protocols and endless interim responses", async () => {
  const cases: [reply: string, why: string][] = [
    ["HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n", "protocol switched"],
    ["HTTP/1.1 100 Continue\r\n\r\n".repeat(65), "too many interim responses"],
  ];
  for (const [reply, why] of cases) {
    using fixture = new Fixture();
    const error = await assertRejects(() => fixture.exchange(0, reply), RouterError, why);
    assertEquals(error.code, "upstream-protocol");
    assertEquals(fixture.client.stats(), { open: 0, idle: 0 });
  }
});

Deno.test("client.send() gives status and fields as received", async () => {
  using fixture = new Fixture();
  const sent = fixture.send();
  (await fixture.engines.socket(0)).send(
    "HTTP/1.1 429 Slow Down\r\nRetry-After: 1\r\nset-cookie: a\r\nSet-Cookie: b\r\n" +
      "content-length: 0\r\n\r\n",
  );
  using response = await sent;
  assertEquals(response.status, 429);
  assertEquals(response.headers, [
    ["Retry-After", "1"],
    ["set-cookie", "a"],
    ["Set-Cookie", "b"],
    ["content-length", "0"],
  ]);
  assertEquals([response.header("retry-after"), response.header("set-cookie")], ["1", "a"]);
  assertEquals(response.header("x"), undefined);
});

Deno.test("response.read() gives each kind of body, cut anywhere", async () => {
  const body = "data: one\n\ndata: two\n\n";
  const replies = [
    answer(body),
    `${CHUNKED}b\r\ndata: one\n\n\r\nb;x=1\r\ndata: two\n\n\r\n0\r\nt: 1\r\n\r\n`,
    `HTTP/1.1 200 OK\r\n\r\n${body}`,
    `HTTP/1.0 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  ];
  for (const reply of replies) {
    for (const { name, pieces } of allCuts(encodeUtf8(reply), 5)) {
      using fixture = new Fixture({ clock: new TurningClock() });
      const sent = fixture.send();
      const socket = await fixture.engines.socket(0);
      socket.send(...pieces, null);
      using response = await sent;
      assertEquals(await text(response), body, `${name} of ${reply}`);
    }
  }
});

Deno.test("response.read() gives several events that have arrived together in one view", async () => {
  using fixture = new Fixture();
  const sent = fixture.send();
  const socket = await fixture.engines.socket(0);
  socket.send(`${CHUNKED}1\r\na\r\n`, "1\r\nb\r\n1\r\nc\r\n1\r\nd\r\n", "0\r\n\r\n");
  using response = await sent;
  const views: string[] = [];
  for (let view = await response.read(); view !== undefined; view = await response.read()) {
    views.push(decodeUtf8(view));
  }
  assertEquals(views, ["a", "bcd"]);
});

Deno.test("response.read() stays at the end", async () => {
  using fixture = new Fixture();
  const sent = fixture.send();
  (await fixture.engines.socket(0)).send(answer("x"));
  using response = await sent;
  assertEquals(await text(response), "x");
  assertEquals(await response.read(), undefined);
  assertEquals((await response.readAll(0)).length, 0);
});

Deno.test("response.read() does not give the connection back before the view is used up", async () => {
  using fixture = new Fixture();
  const sent = fixture.send();
  (await fixture.engines.socket(0)).send(answer("x"));
  using response = await sent;
  const view = await response.read();
  assertEquals(fixture.client.stats(), { open: 1, idle: 0 });
  await fixture.exchange(1, answer("other"));
  assertEquals(view === undefined ? "" : decodeUtf8(view), "x");
  assertEquals(await response.read(), undefined);
  assertEquals(fixture.client.stats(), { open: 2, idle: 2 });
});

Deno.test("response.read() gives the data before a fault, then the fault, and again", async () => {
  const cases: [bytes: (string | Error | null)[], data: string, why: string][] = [
    [["HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc", null], "abc", "6 of 9 bytes missing"],
    [[`${CHUNKED}3\r\nabc\r\n`, null], "abc", "cut inside the chunked coding"],
    [[`${CHUNKED}3\r\nabc\r\n0\r\n`, null], "abc", "cut inside the chunked coding"],
    [[`${CHUNKED}3\r\nabc\r\nzz`], "abc", "malformed chunk size"],
    [[`${CHUNKED}3\r\nabcd`], "abc", "chunk longer than its size"],
    [["HTTP/1.1 200 OK\r\n\r\nabc", new Error("tls eof")], "abc", "connection lost"],
  ];
  for (const [bytes, data, why] of cases) {
    using fixture = new Fixture();
    const sent = fixture.send();
    (await fixture.engines.socket(0)).send(...bytes);
    using response = await sent;
    const view = await response.read();
    assertEquals(view === undefined ? undefined : decodeUtf8(view), data, why);
    const error = await assertRejects(() => response.read(), RouterError, why);
    assertEquals(error.code, "upstream-protocol", why);
    assert(error.message.startsWith("Cannot read the response of engine http://10.0.0.1:8000: "));
    assertEquals(await assertRejects(() => response.read(), RouterError), error);
    assertEquals(fixture.client.stats(), { open: 0, idle: 0 }, why);
  }
});

Deno.test("client.send() refuses a malformed or ambiguous head", async () => {
  const cases: [reply: string, why: string][] = [
    ["garbage\r\n", "not an HTTP/1 response"],
    ["HTTP/1.1 200 OK\r\na : b\r\n\r\n", "malformed header name"],
    ["HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n", "contradicting"],
    ["HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\n", "unknown transfer coding"],
    ["HTTP/1.1 200 OK\r\na: " + "x".repeat(70_000), "larger than 65536 bytes"],
  ];
  for (const [reply, why] of cases) {
    using fixture = new Fixture();
    const error = await assertRejects(() => fixture.exchange(0, reply), RouterError, why);
    assertEquals(error.code, "upstream-protocol");
    assertEquals(fixture.client.stats(), { open: 0, idle: 0 });
  }
});

Deno.test("response.read() twice at once is refused, and the first goes on", async () => {
  using fixture = new Fixture();
  const sent = fixture.send();
  const socket = await fixture.engines.socket(0);
  socket.send("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n");
  using response = await sent;
  const first = response.read();
  const error = await assertRejects(() => response.read(), RouterError, "twice at once");
  assertEquals(error.code, "internal");
  socket.send("x");
  assertEquals(decodeUtf8(await first ?? new Uint8Array()), "x");
});

Deno.test("response.readAll() refuses a body above its limit", async () => {
  using fixture = new Fixture();
  for (const [index, reply] of [answer("abcd"), `${CHUNKED}4\r\nabcd\r\n`].entries()) {
    const sent = fixture.send();
    (await fixture.engines.socket(index)).send(reply);
    using response = await sent;
    const error = await assertRejects(
      () => response.readAll(3),
      RouterError,
      "larger than 3 bytes",
    );
    assertEquals(error.code, "upstream-protocol");
    assertEquals(fixture.client.stats(), { open: 0, idle: 0 });
  }
  const sent = fixture.send();
  (await fixture.engines.socket(2)).send(answer("abcd"));
  using response = await sent;
  assertEquals(decodeUtf8(await response.readAll(4)), "abcd");
});

Deno.test("response.readAll() is a copy that later responses leave alone", async () => {
  using fixture = new Fixture();
  const sent = fixture.send();
  (await fixture.engines.socket(0)).send(answer("first"));
  const first = await (await sent).readAll(100);
  await fixture.exchange(0, answer("second"));
  assertEquals(decodeUtf8(first), "first");
});

Deno.test("response.readAll() gives the rest after a read", async () => {
  using fixture = new Fixture();
  const sent = fixture.send();
  (await fixture.engines.socket(0)).send("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nabc", "def");
  using response = await sent;
  await response.read();
  assertEquals(await text(response), "def");
});

Deno.test("response disposed before its end closes the connection", async () => {
  using fixture = new Fixture();
  const sent = fixture.send();
  (await fixture.engines.socket(0)).send("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nabc");
  const response = await sent;
  response[Symbol.dispose]();
  response[Symbol.dispose]();
  assertEquals(fixture.client.stats(), { open: 0, idle: 0 });
  const error = await assertRejects(() => response.read(), RouterError, "disposed before its end");
  assertEquals(error.code, "client-gone");
});

Deno.test("response disposed while it is read rejects that read", async () => {
  using fixture = new Fixture();
  const sent = fixture.send();
  (await fixture.engines.socket(0)).send(CHUNKED);
  const response = await sent;
  const reading = response.read();
  await settle();
  response[Symbol.dispose]();
  await assertRejects(() => reading, RouterError, "disposed before its end");
  assertEquals(fixture.client.stats(), { open: 0, idle: 0 });
});

Deno.test("response.finish() ends a body whose rest has arrived, and leaves others to be read", async () => {
  const rest = "4\r\ntwo!\r\n0\r\n\r\n";
  for (const arrived of [rest, rest.slice(0, 9), ""]) {
    using fixture = new Fixture();
    const sent = fixture.send();
    const socket = await fixture.engines.socket(0);
    socket.send(`${CHUNKED}3\r\none\r\n`);
    const response = await sent;
    assertEquals(decodeUtf8(await response.read() ?? encodeUtf8("")), "one");
    const reading = arrived === "" ? undefined : response.read();
    socket.send(arrived);
    await reading;
    const whole = arrived === rest;
    assertEquals([response.finish?.(), response.finish?.()], [whole, whole]);
    assertEquals(fixture.client.stats(), { open: 1, idle: whole ? 1 : 0 });
    if (!whole) socket.send(rest.slice(arrived.length));
    while (await response.read() !== undefined);
    assertEquals([response.finish?.(), fixture.client.stats().idle], [true, 1]);
  }
});

Deno.test("response disposed keeps the connection when the rest has arrived", async () => {
  const replies = [
    answer(""),
    answer("not read"),
    `${CHUNKED}1\r\na\r\n1\r\nb\r\n0\r\n\r\n`,
  ];
  using fixture = new Fixture();
  for (const reply of replies) {
    const sent = fixture.send();
    (await fixture.engines.socket(0)).send(reply);
    const response = await sent;
    response[Symbol.dispose]();
    assertEquals(fixture.client.stats(), { open: 1, idle: 1 });
    assertEquals(await response.read(), undefined);
  }
});

Deno.test("response disposed closes the connection when the rest is malformed", async () => {
  using fixture = new Fixture();
  const sent = fixture.send();
  (await fixture.engines.socket(0)).send(`${CHUNKED}1\r\na\r\nzz`);
  (await sent)[Symbol.dispose]();
  assertEquals(fixture.client.stats(), { open: 0, idle: 0 });
});

Deno.test("client.send() delivers an answer that comes before the request is written", async () => {
  using fixture = new Fixture();
  const large = new Uint8Array(100_000);
  fixture.engines.onConnect = (socket) => socket.acceptBytes = 200;
  const sent = fixture.send({ method: "POST", body: [large] });
  const socket = await fixture.engines.socket(0);
  socket.send(answer("too large", "HTTP/1.1 413 Content Too Large"));
  using response = await sent;
  assertEquals([response.status, await text(response)], [413, "too large"]);
  assertEquals(socket.closed, true);
  assertEquals(fixture.client.stats(), { open: 0, idle: 0 });
});

Deno.test("client.send() delivers an answer that comes before the request fails", async () => {
  using fixture = new Fixture();
  fixture.engines.onConnect = (socket) => socket.acceptBytes = 0;
  const sent = fixture.send({ method: "POST", body: [new Uint8Array(100_000)] });
  const socket = await fixture.engines.socket(0);
  socket.failWrites(new Deno.errors.ConnectionReset("reset"));
  await settle();
  socket.send(answer("busy", "HTTP/1.1 503 Busy"), null);
  using response = await sent;
  assertEquals([response.status, await text(response)], [503, "busy"]);
  assertEquals(fixture.client.stats(), { open: 0, idle: 0 });
});

Deno.test("client.send() leaves a first write alone that goes on after the answer", async () => {
  using fixture = new Fixture();
  fixture.engines.onConnect = (socket, index) => {
    if (index === 0) socket.acceptBytes = 0;
  };
  const early = fixture.send({ path: "/first" });
  const first = await fixture.engines.socket(0);
  first.send("HTTP/1.1 503 Busy\r\ncontent-length: 4\r\n\r\nbu");
  using response = await early;
  await fixture.exchange(1, answer("ok"), { path: "/second" });
  first.resumeWrites();
  await settle();
  assertEquals(first.received, "GET /first HTTP/1.1\r\nhost: 10.0.0.1:8000\r\n\r\n");
  first.send("sy");
  assertEquals(await text(response), "busy");
});

Deno.test("client.send() writes a large body part by part, in order, without copying", async () => {
  using fixture = new Fixture();
  const parts = [encodeUtf8("a".repeat(50_000)), encodeUtf8("b".repeat(10)), encodeUtf8("c")];
  const sent = fixture.send({ method: "POST", body: parts });
  const socket = await fixture.engines.socket(0);
  assertEquals(socket.writes.length, 4);
  assert(socket.writes[1] === parts[0] && socket.writes[3] === parts[2]);
  assertEquals(
    socket.received.split("\r\n\r\n")[1],
    "a".repeat(50_000) + "b".repeat(10) + "c",
  );
  socket.send(answer("ok"));
  assertEquals(await text(await sent), "ok");
  assertEquals(fixture.client.stats(), { open: 1, idle: 1 });
});

Deno.test("client.send() goes on where a partial write stopped", async () => {
  using fixture = new Fixture();
  fixture.engines.onConnect = (socket) => socket.acceptBytes = 30;
  const sent = fixture.send({ method: "POST", body: [encodeUtf8("0123456789")] });
  const socket = await fixture.engines.socket(0);
  await settle();
  socket.resumeWrites();
  await settle();
  assertEquals(
    socket.received,
    "POST / HTTP/1.1\r\nhost: 10.0.0.1:8000\r\ncontent-length: 10\r\n\r\n0123456789",
  );
  socket.send(answer("ok"));
  assertEquals(await text(await sent), "ok");
});

Deno.test("client.send() refuses a bad request without using a connection", async () => {
  using fixture = new Fixture();
  await fixture.exchange(0);
  const error = await assertRejects(
    () => fixture.send({ headers: [["x", "a\r\nb"]] }),
    RouterError,
    'value of header "x"',
  );
  assertEquals(error.code, "bad-request");
  await assertRejects(() => fixture.send({ url: "ftp://h" }), RouterError, "scheme");
  assertEquals(fixture.client.stats(), { open: 1, idle: 1 });
});
