/** Clients that leave, at every point of a request. */
import { RouterError } from "../../../lib/base/mod.ts";
import type { FrontRequest } from "../../../lib/front/contract/mod.ts";
import type { Answer } from "../../../lib/request/mod.ts";
import { assert, assertEquals, assertRejects } from "../../support/assert.ts";
import { FIRST_PROBE_MS, MAX_PROBES } from "../../../lib/front/http1/departure.ts";
import { type MemoryClient, rest } from "./support/memory.ts";
import { answerOf, readAll, received, request, startMemory, wire } from "./support/server.ts";
import { ScriptedSource } from "./support/sources.ts";

/** How a client leaves: in good order or by a reset. */
const WAYS = [
  ["closes", (client: MemoryClient): void => client.leave()],
  [
    "resets",
    (client: MemoryClient): void => client.send(new Deno.errors.ConnectionReset("reset")),
  ],
] as const;

/** Time in which one that has closed is found out, in milliseconds. */
const NOTICED_MS = 3 * FIRST_PROBE_MS;

for (const [way, leave] of WAYS) {
  Deno.test(`Connection closes when an idle client ${way}`, async () => {
    await using server = startMemory(() => Promise.resolve(answerOf("a")));
    for (const sent of ["", request("/"), "\r\n", "GET / HT", request("/").slice(0, -1)]) {
      const client = await server.connect();
      if (sent !== "") client.send(sent);
      await rest();
      assertEquals(client.closed, false);
      leave(client);
      await rest();
      assertEquals([client.closed, server.front.connections], [true, 0], sent);
    }
    assertEquals(server.events, []);
  });

  Deno.test(`Connection aborts a handler at work when the client ${way}`, async () => {
    const seen: string[] = [];
    const done = Promise.withResolvers<Answer>();
    await using server = startMemory((asked) => {
      asked.signal.addEventListener("abort", () => seen.push("aborted"));
      return done.promise;
    });
    const client = await server.connect();
    client.send(request("/"));
    await rest();
    assertEquals(seen, []);
    leave(client);
    await server.clock.advance(NOTICED_MS);
    assertEquals([seen, server.requests[0]?.signal.aborted], [["aborted"], true]);
    assertEquals([client.closed, server.front.connections], [true, 0]);
    done.resolve(answerOf("late"));
    await rest();
    assert(!client.received.includes("late"));
  });

  Deno.test(`Connection has a signal that aborted where a client that ${way} is met late`, async () => {
    const done = Promise.withResolvers<Answer>();
    await using server = startMemory(() => done.promise);
    const client = await server.connect();
    client.send(request("/"));
    await rest();
    leave(client);
    await server.clock.advance(NOTICED_MS);
    assertEquals(server.requests[0]?.signal.aborted, true);
    done.resolve(answerOf(""));
    await rest();
  });

  Deno.test(`Connection cancels a source that comes after the client ${way}`, async () => {
    const source = new ScriptedSource();
    const done = Promise.withResolvers<Answer>();
    await using server = startMemory(() => done.promise);
    const client = await server.connect();
    client.send(request("/"));
    await rest();
    leave(client);
    await server.clock.advance(NOTICED_MS);
    done.resolve({ status: 200, headers: [], body: source });
    await rest();
    assertEquals([source.reads, source.cancelled], [0, 1]);
    assertEquals([client.closed, server.front.connections], [true, 0]);
  });

  Deno.test(`Connection cancels the source of an answer when the client ${way}`, async () => {
    const source = new ScriptedSource();
    let asked: FrontRequest | undefined;
    await using server = startMemory((request) => {
      asked = request;
      return Promise.resolve({ status: 200, headers: [], body: source });
    });
    for (const sent of [undefined, "data"]) {
      source.cancelled = 0;
      const client = await server.connect();
      client.send(request("/"));
      if (sent !== undefined) source.give(sent);
      await rest();
      const { signal } = asked ?? {};
      leave(client);
      await server.clock.advance(NOTICED_MS);
      assertEquals([source.cancelled, signal?.aborted, client.closed], [1, true, true]);
      // What the source still brings goes nowhere.
      source.give(undefined);
      await rest();
      assertEquals(server.front.connections, 0);
    }
  });

  Deno.test(`Connection cancels a source whose piece is being written when the client ${way}`, async () => {
    const source = new ScriptedSource();
    await using server = startMemory(() =>
      Promise.resolve({ status: 200, headers: [], body: source })
    );
    const client = await server.connect();
    client.acceptBytes = 0;
    source.give("a");
    client.send(request("/"));
    await rest();
    leave(client);
    // The write that waits fails by the reset.
    client.failWrites(new Deno.errors.ConnectionReset("reset"));
    await rest();
    assertEquals([source.cancelled, client.closed, server.front.connections], [1, true, 0]);
  });

  Deno.test(`Connection fails the reading of a body when the client ${way}`, async () => {
    for (const framing of ["content-length: 100000", "transfer-encoding: chunked"]) {
      for (const waits of [true, false]) {
        const begin = Promise.withResolvers<void>();
        const failed = Promise.withResolvers<RouterError>();
        await using server = startMemory(async (asked) => {
          if (!waits) await begin.promise;
          failed.resolve(await assertRejects(() => readAll(asked), RouterError));
          return answerOf("");
        });
        const client = await server.connect();
        client.send(`POST / HTTP/1.1\r\nhost: a\r\n${framing}\r\n\r\n3\r\na`);
        await rest();
        leave(client);
        await rest();
        begin.resolve();
        const { code, message } = await failed.promise;
        assertEquals([code, message], ["client-gone", "The client closed the connection"]);
        assertEquals(server.requests[0]?.signal.aborted, true);
        await rest();
        assertEquals([client.closed, server.front.connections], [true, 0]);
      }
    }
  });

  Deno.test(`Connection closes when the client ${way} while a body is passed over`, async () => {
    await using server = startMemory(() => Promise.resolve(answerOf("a")));
    const client = await server.connect();
    client.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\n");
    await rest();
    client.send("abc");
    leave(client);
    await rest();
    assertEquals([client.closed, server.front.connections], [true, 0]);
  });
}

Deno.test("Connection writes a whole answer to the end to a client that has closed its side", async () => {
  await using server = startMemory(() => Promise.resolve(answerOf("x".repeat(50_000))));
  const client = await server.connect();
  client.acceptBytes = 100;
  client.send(request("/"));
  await rest();
  client.send(null);
  await rest();
  assertEquals(client.closed, false);
  client.resumeWrites();
  await rest();
  assert(received(client).endsWith("x".repeat(50_000)));
  assertEquals([client.closed, server.front.connections], [true, 0]);
});

Deno.test("Connection answers one who sends a request and closes its side at once", async () => {
  await using server = startMemory(() => Promise.resolve(answerOf("a")));
  const client = await server.connect();
  client.send(request("/"), null);
  await rest();
  assert(received(client).endsWith("\r\n\r\na"));
  assertEquals(client.closed, true);
});

Deno.test("Connection does not begin a request of a client that has gone", async () => {
  const done = Promise.withResolvers<Answer>();
  await using server = startMemory(() => done.promise);
  const client = await server.connect();
  client.send(request("/a") + request("/b"), null);
  await rest();
  done.resolve(answerOf(""));
  await rest();
  assertEquals([server.requests.length, client.closed], [1, true]);
});

Deno.test("Connection's signal does not abort once the answer is complete", async () => {
  await using server = startMemory(() => Promise.resolve(answerOf("a")));
  const client = await server.connect();
  client.send(request("/"));
  await rest();
  client.send(null);
  await rest();
  assertEquals([client.closed, server.requests[0]?.signal.aborted], [true, false]);
});

Deno.test("Connection notices a departure behind a body that has come in full", async () => {
  const done = Promise.withResolvers<Answer>();
  await using server = startMemory(async (asked) => {
    await readAll(asked);
    return await done.promise;
  });
  const client = await server.connect();
  const body = "x".repeat(100_000);
  client.send(...request("/", body).match(/[^]{1,7000}/g) ?? []);
  for (let turn = 0; turn < 10; turn++) await rest();
  assertEquals(client.reading, true);
  client.send(new Deno.errors.ConnectionReset("reset"));
  await rest();
  assertEquals([server.requests[0]?.signal.aborted, client.closed], [true, true]);
  done.resolve(answerOf(""));
  await rest();
});

Deno.test("Connection is lost where a write fails, and a kept one is closed", async () => {
  await using server = startMemory(() => Promise.resolve(answerOf("a")));
  const client = await server.connect();
  client.acceptBytes = 0;
  client.send(request("/"));
  await rest();
  client.failWrites(new Deno.errors.BrokenPipe("broken"));
  await rest();
  assertEquals([client.closed, server.front.connections], [true, 0]);
});

Deno.test("Connection answers one that has shut down its side, however long that takes", async () => {
  const done = Promise.withResolvers<Answer>();
  await using server = startMemory(() => done.promise);
  const client = await server.connect();
  client.send(request("/", "body"), null);
  await server.clock.advance(FIRST_PROBE_MS - 1);
  assertEquals(client.received, "");
  await server.clock.advance(60_000);
  // After 0.02, 0.06, 0.14, 0.3, 0.62, 1.26, 2.54, 5.1, 10.22, 20.46 and 40.94 s.
  assertEquals(client.received, "HTTP/1.1 100 Continue\r\n\r\n".repeat(11));
  assertEquals([server.requests[0]?.signal.aborted, client.closed], [false, false]);
  done.resolve(answerOf("late"));
  await rest();
  const last = wire("late").replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n");
  assert(received(client).endsWith(last));
  assertEquals([client.closed, server.front.connections, server.clock.pending], [true, 0, 0]);
});

Deno.test("Connection asks no more when it has asked often enough", async () => {
  await using server = startMemory(() => new Promise<Answer>(() => {}));
  const client = await server.connect();
  client.send(request("/"), null);
  await rest();
  for (let probe = 0; probe < MAX_PROBES; probe++) {
    assertEquals(client.writes.length, probe);
    await server.clock.advance(FIRST_PROBE_MS * 2 ** probe);
  }
  assertEquals([client.writes.length, client.closed], [MAX_PROBES, false]);
});

Deno.test("Connection streams to one that has shut down its side, with zeros in silence", async () => {
  const source = new ScriptedSource();
  await using server = startMemory(() =>
    Promise.resolve({ status: 200, headers: [], body: source })
  );
  const client = await server.connect();
  client.send(request("/"), null);
  source.give("one");
  await rest();
  await server.clock.advance(200);
  source.give("two");
  await rest();
  await server.clock.advance(600);
  source.give(undefined);
  await rest();
  const chunks = "3\r\none\r\n" + "0003\r\ntwo\r\n" + "000\r\n\r\n";
  assert(client.received.endsWith(`\r\n\r\n${chunks}`), client.received);
  assertEquals([source.cancelled, client.closed, server.front.connections], [0, true, 0]);
});

Deno.test("Connection takes the end of what an HTTP/1.0 client sends for its departure", async () => {
  const source = new ScriptedSource();
  await using server = startMemory(() =>
    Promise.resolve({ status: 200, headers: [], body: source })
  );
  const client = await server.connect();
  client.send("GET / HTTP/1.0\r\n\r\n");
  source.give("one");
  await rest();
  client.send(null);
  await rest();
  assertEquals([source.cancelled, client.closed], [1, true]);
  assertEquals(server.requests[0]?.signal.aborted, true);
});

Deno.test("Connection reads a body to its end that has come with the end of all", async () => {
  for (const framing of ["content-length: 9000", "transfer-encoding: chunked"]) {
    const begin = Promise.withResolvers<void>();
    await using server = startMemory(async (asked) => {
      await begin.promise;
      return answerOf(`${(await readAll(asked)).length}`);
    });
    const client = await server.connect();
    const body = "x".repeat(9_000);
    const sent = framing.startsWith("content") ? body : `2328\r\n${body}\r\n0\r\n\r\n`;
    client.send(`POST / HTTP/1.1\r\nhost: a\r\n${framing}\r\n\r\n`, sent, null);
    await rest();
    begin.resolve();
    await rest();
    assert(received(client).endsWith("\r\n\r\n9000"), received(client));
    assertEquals([server.requests[0]?.signal.aborted, client.closed], [false, true]);
  }
});
