import { assertEquals } from "../support/assert.ts";
import { settle } from "../support/fake_clock.ts";
import { TurningClock } from "../support/turning_clock.ts";
import { answer, Fixture, text, URL_A } from "./support/fixture.ts";

Deno.test("client.send() uses one connection for requests after each other", async () => {
  using fixture = new Fixture();
  for (let i = 0; i < 3; i++) assertEquals(await fixture.exchange(0, answer(`n${i}`)), `n${i}`);
  assertEquals(fixture.engines.sockets.length, 1);
  assertEquals(fixture.client.stats(), { open: 1, idle: 1 });
});

Deno.test("client.send() keeps a connection after each kind of delimited body", async () => {
  const replies = [
    answer("abc"),
    answer(""),
    "HTTP/1.1 204 No Content\r\n\r\n",
    "HTTP/1.1 304 Not Modified\r\ncontent-length: 10\r\n\r\n",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nt: 1\r\n\r\n",
    "HTTP/1.1 500 Oops\r\ncontent-length: 1\r\n\r\nx",
  ];
  using fixture = new Fixture();
  for (const reply of replies) await fixture.exchange(0, reply);
  await fixture.exchange(0, "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n", { method: "HEAD" });
  assertEquals(fixture.client.stats(), { open: 1, idle: 1 });
});

Deno.test("client.send() does not keep a connection that ends or cannot be trusted", async () => {
  const replies = [
    "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 1\r\n\r\nx",
    "HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 1\r\n\r\nx",
    answer("x") + "HTTP/1.1 200 OK\r\n",
    "HTTP/1.1 204 No Content\r\n\r\nbody",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n\r\n",
  ];
  using fixture = new Fixture();
  for (const [index, reply] of replies.entries()) {
    await fixture.exchange(index, reply);
    assertEquals(fixture.client.stats(), { open: 0, idle: 0 }, reply);
    assertEquals(fixture.engines.sockets[index]?.closed, true, reply);
  }
});

Deno.test("client.send() opens a connection for each request at the same time", async () => {
  using fixture = new Fixture();
  const sent = [fixture.send(), fixture.send(), fixture.send()];
  await settle();
  for (const [index, socket] of fixture.engines.sockets.entries()) socket.send(answer(`${index}`));
  const responses = await Promise.all(sent);
  assertEquals(fixture.client.stats(), { open: 3, idle: 0 });
  assertEquals(await Promise.all(responses.map(text)), ["0", "1", "2"]);
  assertEquals(fixture.client.stats(), { open: 3, idle: 3 });
});

Deno.test("client.send() takes the connection used last", async () => {
  using fixture = new Fixture();
  const sent = [fixture.send(), fixture.send()];
  const [first, second] = [await fixture.engines.socket(0), await fixture.engines.socket(1)];
  second.send(answer("b"));
  await text(await (sent[1] ?? fixture.send()));
  first.send(answer("a"));
  await text(await (sent[0] ?? fixture.send()));
  const before = second.received;
  await fixture.exchange(0);
  assertEquals(second.received, before);
});

Deno.test("client.send() shares no connections between engines", async () => {
  using fixture = new Fixture();
  await fixture.exchange(0, answer("a"));
  await fixture.exchange(1, answer("b"), { url: "http://10.0.0.2:8000" });
  await fixture.exchange(2, answer("c"), { url: "https://10.0.0.1:8000" });
  await fixture.exchange(3, answer("d"), { url: "http://10.0.0.1:8000/base" });
  assertEquals(fixture.client.stats(), { open: 4, idle: 4 });
  assertEquals(
    fixture.engines.sockets.map(({ origin }) => origin?.url),
    [
      "http://10.0.0.1:8000",
      "http://10.0.0.2:8000",
      "https://10.0.0.1:8000",
      "http://10.0.0.1:8000/base",
    ],
  );
});

Deno.test("client.send() takes different spellings of one engine's URL as one", async () => {
  using fixture = new Fixture();
  await fixture.exchange(0, answer("a"), { url: "http://h:80" });
  await fixture.exchange(0, answer("b"), { url: "HTTP://H/" });
  assertEquals(fixture.client.stats(), { open: 1, idle: 1 });
});

Deno.test("client keeps at most maxIdlePerOrigin connections, the latest", async () => {
  using fixture = new Fixture({ maxIdlePerOrigin: 2 });
  const sent = [fixture.send(), fixture.send(), fixture.send()];
  await settle();
  for (const [index, one] of sent.entries()) {
    fixture.engines.sockets[index]?.send(answer("x"));
    await text(await one);
  }
  assertEquals(fixture.client.stats(), { open: 2, idle: 2 });
  assertEquals(fixture.engines.sockets.map(({ closed }) => closed), [true, false, false]);
});

Deno.test("client keeps no connection with maxIdlePerOrigin 0", async () => {
  using fixture = new Fixture({ maxIdlePerOrigin: 0 });
  await fixture.exchange(0);
  assertEquals(fixture.client.stats(), { open: 0, idle: 0 });
});

Deno.test("client closes a connection that was idle for maxIdleMs", async () => {
  using fixture = new Fixture({ maxIdleMs: 4000 });
  await fixture.exchange(0);
  await fixture.clock.advance(3000);
  await fixture.exchange(0);
  await fixture.clock.advance(3999);
  assertEquals(fixture.client.stats(), { open: 1, idle: 1 });
  await fixture.clock.advance(1);
  assertEquals(fixture.client.stats(), { open: 0, idle: 0 });
  assertEquals(fixture.clock.pending, 0);
});

Deno.test("client sees an idle connection end, break or speak, and closes it", async () => {
  for (const event of [null, new Deno.errors.ConnectionReset("reset"), "HTTP/1.1 408 Slow\r\n"]) {
    using fixture = new Fixture();
    await fixture.exchange(0);
    (await fixture.engines.socket(0)).send(event);
    await settle();
    assertEquals(fixture.client.stats(), { open: 0, idle: 0 });
    assertEquals(await fixture.exchange(1, answer("fresh")), "fresh");
  }
});

Deno.test("client.send() reads a pooled connection's answers cut at every byte", async () => {
  using fixture = new Fixture({ clock: new TurningClock() });
  for (let i = 0; i < 3; i++) {
    const sent = fixture.send();
    const socket = await fixture.engines.socket(0);
    socket.send(...answer("hello"));
    assertEquals(await text(await sent), "hello");
  }
  assertEquals(fixture.engines.sockets.length, 1);
});

Deno.test("client.forget() closes the idle connections to an engine, and no other's", async () => {
  using fixture = new Fixture();
  const other = "http://10.0.0.2:8000";
  await fixture.exchange(0, answer("a"));
  await fixture.exchange(1, answer("b"), { url: other });
  await fixture.exchange(2, answer("c"), { url: `${URL_A}/base` });
  fixture.client.forget(URL_A);
  assertEquals(fixture.client.stats(), { open: 2, idle: 2 });
  assertEquals(fixture.engines.sockets.map(({ closed }) => closed), [true, false, false]);
  for (const unknown of [URL_A, "http://unknown:1", "nonsense"]) fixture.client.forget(unknown);
  assertEquals(fixture.client.stats(), { open: 2, idle: 2 });
});

Deno.test("client.forget() leaves what is under way alone, and keeps its connection no more", async () => {
  using fixture = new Fixture();
  const sent = fixture.send();
  const socket = await fixture.engines.socket(0);
  fixture.client.forget(URL_A);
  socket.send("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nab");
  using response = await sent;
  fixture.client.forget(URL_A);
  socket.send("cd");
  assertEquals(await text(response), "abcd");
  assertEquals([fixture.client.stats(), socket.closed], [{ open: 0, idle: 0 }, true]);
});

Deno.test("client.send() to an engine that was forgotten begins anew, and is kept", async () => {
  using fixture = new Fixture();
  await fixture.exchange(0);
  fixture.client.forget(URL_A);
  await fixture.exchange(1);
  await fixture.exchange(1);
  assertEquals(fixture.client.stats(), { open: 1, idle: 1 });
});

Deno.test("client.forget() knows every one of many engines", async () => {
  using fixture = new Fixture();
  const urls = Array.from({ length: 1_500 }, (_, index) => `http://10.0.0.1:8000/e${index}`);
  for (const [index, url] of urls.entries()) await fixture.exchange(index, answer("x"), { url });
  assertEquals(fixture.client.stats(), { open: 1_500, idle: 1_500 });
  for (const url of urls) fixture.client.forget(url);
  assertEquals(fixture.client.stats(), { open: 0, idle: 0 });
});
