import { encodeUtf8 } from "../../lib/base/mod.ts";
import { runLoad } from "../../scripts/bench/load.ts";
import { assert, assertEquals, assertRejects } from "../support/assert.ts";

const REQUEST = encodeUtf8("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}");

/** Run `work` against a server that answers with `respond`. */
async function withServer(
  respond: () => Response,
  work: (port: number) => Promise<void>,
): Promise<void> {
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      await request.bytes();
      return respond();
    },
  );
  await work(server.addr.port);
}

Deno.test("runLoad() counts requests and events, and leaves no connection", async () => {
  const events = "data: a\n\ndata: b\n\n";
  await withServer(() => new Response(events), async (port) => {
    const ask = { port, request: REQUEST, connections: 3, durationMs: 100, events: 2 };
    const seen = await runLoad(ask);
    assert(seen.requests > 0 && seen.requests <= seen.allRequests);
    assertEquals(seen.allEvents, 2 * seen.allRequests);
    assertEquals(seen.latencies.length, seen.requests);
    assertEquals(seen.firstEvents.length + seen.gaps.length, seen.events);
  });
});

Deno.test("runLoad() rejects on another status than 200", async () => {
  await withServer(() => new Response("no", { status: 503 }), async (port) => {
    const ask = { port, request: REQUEST, connections: 2, durationMs: 50 };
    await assertRejects(() => runLoad(ask), Error, "status 503");
  });
});

Deno.test("runLoad() rejects when an answer lacks events", async () => {
  await withServer(() => new Response("data: a\n\n"), async (port) => {
    const ask = { port, request: REQUEST, connections: 1, durationMs: 50, events: 2 };
    await assertRejects(() => runLoad(ask), Error, "1 events instead of 2");
  });
});

Deno.test("runLoad() rejects when nobody listens", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  const ask = { port, request: REQUEST, connections: 1, durationMs: 50 };
  await assertRejects(() => runLoad(ask), Deno.errors.ConnectionRefused);
});
