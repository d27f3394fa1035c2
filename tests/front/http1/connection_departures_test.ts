/** Clients that leave, at every point of a request. */
import { RouterError } from "../../../lib/base/mod.ts";
import type { FrontRequest } from "../../../lib/front/contract/mod.ts";
import type { Answer } from "../../../lib/request/mod.ts";
import { assert, assertEquals, assertRejects } from "../../support/assert.ts";
import { rest } from "./support/memory.ts";
import { answerOf, readAll, received, request, startMemory, wire } from "./support/server.ts";
import { ScriptedSource } from "./support/sources.ts";

/** How a client leaves: in good order or by a reset. */
const WAYS = [
  ["closes", null],
  ["resets", new Deno.errors.ConnectionReset("reset")],
] as const;

for (const [way, end] of WAYS) {
  Deno.test(`Connection closes when an idle client ${way}`, async () => {
    await using server = startMemory(() => Promise.resolve(answerOf("a")));
    for (const sent of ["", request("/"), "\r\n", "GET / HT", request("/").slice(0, -1)]) {
      const client = await server.connect();
      if (sent !== "") client.send(sent);
      await rest();
      assertEquals(client.closed, false);
      client.send(end);
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
    client.send(end);
    await rest();
    assertEquals([seen, server.requests[0]?.signal.aborted], [["aborted"], true]);
    // A reset leaves nobody to write to; one who has closed may only have shut down his side.
    assertEquals(client.closed, end !== null);
    done.resolve(answerOf("late"));
    await rest();
    assertEquals([client.closed, server.front.connections], [true, 0]);
    const last = wire("late").replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n");
    assertEquals(received(client), end === null ? last : "");
  });

  Deno.test(`Connection has a signal that aborted where a client that ${way} is met late`, async () => {
    const done = Promise.withResolvers<Answer>();
    await using server = startMemory(() => done.promise);
    const client = await server.connect();
    client.send(request("/"));
    await rest();
    client.send(end);
    await rest();
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
    client.send(end);
    await rest();
    done.resolve({ status: 200, headers: [], body: source });
    await rest();
    assertEquals([source.reads, source.cancelled, client.received], [0, 1, ""]);
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
      client.send(end);
      await rest();
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
    client.send(end);
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
        client.send(end);
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
    client.send("abc", end);
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
