/** The server as a whole: who is let in, and how it ends. */
import { LINGER_MS } from "../../../lib/front/http1/lingering.ts";
import type { Answer } from "../../../lib/request/mod.ts";
import { assert, assertEquals, assertRejects } from "../../support/assert.ts";
import { MemoryClient, rest } from "./support/memory.ts";
import { answerOf, LATE_MS, received, request, startMemory, wire } from "./support/server.ts";
import { ScriptedSource } from "./support/sources.ts";

/** A handler that answers when the test says so. */
function held(): { answer: (body?: string) => void; handler: () => Promise<Answer> } {
  const waiting: ((answer: Answer) => void)[] = [];
  return {
    handler: () => new Promise((resolve) => waiting.push(resolve)),
    answer: (body = "") => waiting.splice(0).forEach((resolve) => resolve(answerOf(body))),
  };
}

Deno.test("startHttp1() says where it listens, and counts its connections", async () => {
  await using server = startMemory(() => Promise.resolve(answerOf("")));
  assertEquals(server.front.addr, { hostname: "10.0.0.254", port: 8000 });
  const client = await server.connect();
  await server.connect();
  assertEquals([server.front.connections, server.front.ailment], [2, undefined]);
  client.send(null);
  await rest();
  assertEquals(server.front.connections, 1);
});

Deno.test("startHttp1() turns away who comes too many, in all and from one address", async () => {
  await using server = startMemory(() => Promise.resolve(answerOf("")), {
    limits: { maxConnections: 3, maxPerAddress: 2 },
  });
  const from = (hostname: string): Promise<MemoryClient> =>
    server.connect(new MemoryClient(hostname));
  const clients = [await from("a"), await from("a"), await from("a"), await from("b")];
  clients.push(await from("c"));
  assertEquals(clients.map(({ received }) => received.startsWith("HTTP/1.1 503 ")), [
    false,
    false,
    true,
    false,
    true,
  ]);
  assertEquals(server.events, [
    { kind: "refused", why: "address" },
    { kind: "refused", why: "connections" },
  ]);
  assertEquals(server.front.connections, 3);
  clients[0]?.send(null);
  await rest();
  const next = await from("a");
  next.send(request("/"));
  await rest();
  assertEquals(received(next), wire(""));
});

Deno.test("startHttp1() closes the connection that rests for longest for who comes too many", async () => {
  const { handler, answer } = held();
  await using server = startMemory(handler, { limits: { maxConnections: 2 } });
  const [kept, busy] = [await server.connect(), await server.connect()];
  kept.send(request("/"));
  busy.send(request("/"));
  await rest();
  answer("kept");
  await rest();
  busy.send(request("/"));
  await rest();
  const next = await server.connect();
  await rest();
  assertEquals([kept.closed, busy.closed, next.closed], [true, false, false]);
  const last = await server.connect();
  await rest();
  assertEquals(last.received.startsWith("HTTP/1.1 503 "), true);
  assertEquals(server.events, [{ kind: "refused", why: "connections" }]);
  next.send(request("/"));
  await rest();
  answer("next");
  await rest();
  assertEquals([received(next), server.front.connections], [wire("next"), 2]);
});

Deno.test("startHttp1() has small writes leave at once, where that can be had", async () => {
  await using server = startMemory(() => Promise.resolve(answerOf("")));
  const asked: boolean[] = [];
  const able = Object.assign(new MemoryClient(), { setNoDelay: (on: boolean) => asked.push(on) });
  await server.connect(able);
  const gone = Object.assign(new MemoryClient(), {
    setNoDelay() {
      throw new Error("Invalid argument (os error 22)");
    },
  });
  await server.connect(gone);
  gone.send(request("/"));
  await rest();
  assertEquals([asked, received(gone)], [[true], wire("")]);
});

Deno.test("shutdown() closes what is idle at once, and the others after their answers", async () => {
  const { handler, answer } = held();
  await using server = startMemory(handler);
  const [idle, busy, begun] = [
    await server.connect(),
    await server.connect(),
    await server.connect(),
  ];
  busy.send(request("/"));
  begun.send(request("/").slice(0, 5));
  await rest();
  let ended = false;
  const ending = server.front.shutdown().then(() => ended = true);
  await rest();
  assertEquals([server.listener.closed, idle.closed, busy.closed, ended], [
    true,
    true,
    false,
    false,
  ]);
  begun.send(request("/").slice(5));
  await rest();
  answer("last");
  await ending;
  const last = wire("last").replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n");
  assertEquals([received(busy), received(begun)], [last, last]);
  assertEquals([busy.closed, begun.closed, server.clock.pending], [true, true, 0]);
  await server.front.finished;
  await server.front.shutdown();
});

Deno.test("shutdown() lets a stream come to its end", async () => {
  const source = new ScriptedSource();
  await using server = startMemory(() =>
    Promise.resolve({ status: 200, headers: [], body: source })
  );
  const client = await server.connect();
  client.send(request("/"));
  source.give("a");
  await rest();
  const ending = server.front.shutdown();
  source.give("b", undefined);
  await ending;
  assert(client.received.endsWith("1\r\nb\r\n0\r\n\r\n"));
  assertEquals([client.closed, source.cancelled], [true, 0]);
});

Deno.test("shutdown() begins no request that was sent ahead", async () => {
  const { handler, answer } = held();
  await using server = startMemory(handler);
  const client = await server.connect();
  client.send(request("/a") + request("/b"));
  await rest();
  const ending = server.front.shutdown();
  answer("a");
  await rest();
  assertEquals([client.writeClosed, client.closed, server.requests.length], [true, false, 1]);
  client.send(null);
  await ending;
});

Deno.test("shutdown() waits for lingering clients no longer than they may", async () => {
  const { handler, answer } = held();
  await using server = startMemory(handler);
  const client = await server.connect();
  client.send(request("/a") + request("/b"));
  await rest();
  const ending = server.front.shutdown();
  answer();
  await server.clock.advance(LINGER_MS + LATE_MS);
  await ending;
  assertEquals([client.closed, server.clock.pending], [true, 0]);
});

Deno.test("close() cuts everything off at once", async () => {
  const source = new ScriptedSource();
  const { handler, answer } = held();
  await using server = startMemory((asked) =>
    asked.target === "/stream"
      ? Promise.resolve({ status: 200, headers: [], body: source })
      : handler()
  );
  const clients: MemoryClient[] = [];
  for (
    const sent of [
      "",
      "GET / HT",
      request("/"),
      request("/stream"),
      "GET / HTTP/9.9\r\n\r\n",
      "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\n",
    ]
  ) {
    const client = await server.connect();
    if (sent !== "") client.send(sent);
    clients.push(client);
  }
  const stuck = new MemoryClient();
  stuck.acceptBytes = 0;
  stuck.send("GET / HTTP/9.9\r\n\r\n");
  clients.push(await server.connect(stuck));
  await server.front.close();
  assertEquals(clients.map(({ closed }) => closed), clients.map(() => true));
  assertEquals([source.cancelled, server.clock.pending, server.front.connections], [1, 0, 0]);
  assert(server.requests.every(({ signal }) => signal.aborted));
  await Promise.all([server.front.finished, server.front.close()]);
  // A late answer goes nowhere.
  answer("late");
  await rest();
  assertEquals(clients.some(({ received }) => received.includes("late")), false);
});

Deno.test("close() ends those that are being turned away", async () => {
  await using server = startMemory(() => Promise.resolve(answerOf("")), {
    limits: { maxConnections: 0 },
  });
  const client = await server.connect();
  assertEquals([client.closed, client.writeClosed], [false, true]);
  await server.front.close();
  assertEquals([client.closed, server.clock.pending], [true, 0]);
});

const EMFILE = new Error("Too many open files (os error 24)");

/** Descriptors of which there are none while `full`; `closing` a client makes room for one. */
function scarce(): {
  full: boolean;
  readonly take: () => { close(): void };
  readonly closing: (client: MemoryClient) => MemoryClient;
} {
  const state = {
    full: false,
    take: () => {
      if (state.full) throw EMFILE;
      return { close() {} };
    },
    closing: (client: MemoryClient) => {
      const close = client.close.bind(client);
      client.close = () => {
        state.full = false;
        close();
      };
      return client;
    },
  };
  return state;
}

Deno.test("startHttp1() closes the connection that rests longest to let another in", async () => {
  const descriptors = scarce();
  await using server = startMemory(() => Promise.resolve(answerOf("")), {
    takeDescriptor: descriptors.take,
  });
  const connect = (): Promise<MemoryClient> =>
    server.connect(descriptors.closing(new MemoryClient()));
  const [first, second, busy] = [await connect(), await connect(), await connect()];
  for (const client of [first, second, first]) {
    client.send(request("/"));
    await rest();
  }
  busy.send(request("/").slice(0, 5));
  await rest();
  descriptors.full = true;
  server.listener.arrive(EMFILE);
  await rest();
  // Nobody has come yet.
  assertEquals([first.closed, second.closed], [false, false]);
  assert(server.front.ailment?.includes("Too many open files"));
  const next = await connect();
  assertEquals([first.closed, second.closed, busy.closed], [false, true, false]);
  next.send(request("/"));
  await rest();
  assertEquals(received(next), wire(""));
  await server.clock.advance(1_000);
  assertEquals([server.front.ailment, server.events], [undefined, [
    { kind: "not-accepting", error: EMFILE },
    { kind: "timed-out", why: "idle" },
    { kind: "timed-out", why: "idle" },
    { kind: "accepting" },
  ]]);
});

Deno.test("startHttp1() leaves what has just come and what is under way alone", async () => {
  const descriptors = scarce();
  const { handler, answer } = held();
  await using server = startMemory(handler, {
    takeDescriptor: descriptors.take,
    limits: { keepAliveMs: 10_000, headMs: 10_000, bodyIdleMs: 10_000, writeIdleMs: 10_000 },
  });
  const busy = await server.connect(descriptors.closing(new MemoryClient()));
  busy.send(request("/"));
  const fresh = await server.connect(descriptors.closing(new MemoryClient()));
  descriptors.full = true;
  server.listener.arrive(EMFILE);
  const refused = await server.connect(descriptors.closing(new MemoryClient()));
  assert(refused.received.startsWith("HTTP/1.1 503 "), refused.received);
  refused.send(null);
  await rest();
  assertEquals([busy.closed, fresh.closed, refused.closed], [false, false, true]);
  // One that comes and says nothing for a while rests as well.
  await server.clock.advance(4_000);
  descriptors.full = true;
  server.listener.arrive(EMFILE);
  const next = await server.connect();
  assertEquals([busy.closed, fresh.closed, next.closed], [false, true, false]);
  answer("served");
  await rest();
  assertEquals(received(busy), wire("served"));
});

Deno.test("Front.finished rejects where the server cannot go on", async () => {
  const server = startMemory(() => Promise.resolve(answerOf("")));
  const client = await server.connect();
  server.listener.arrive(new Deno.errors.BadResource("Bad resource ID"));
  await assertRejects(() => server.front.finished, Deno.errors.BadResource);
  await assertRejects(() => server.front.close(), Deno.errors.BadResource);
  assertEquals([client.closed, server.clock.pending], [true, 0]);
});
