import { requestsAt } from "../../lib/selection/mod.ts";
import { assertEquals } from "../support/assert.ts";

const read = { running: 5, waiting: 2, own: 3, readMs: 0 };

Deno.test("requestsAt() is this router's own where the engine has not been read", () => {
  assertEquals(requestsAt({ inflight: 4 }), 4);
});

Deno.test("requestsAt() corrects a reading by what has been sent and ended since", () => {
  assertEquals(requestsAt({ inflight: 3, stats: read }), 7);
  assertEquals(requestsAt({ inflight: 10, stats: read }), 14);
  assertEquals(requestsAt({ inflight: 0, stats: read }), 4);
});

Deno.test("requestsAt() is never fewer than this router's own", () => {
  assertEquals(requestsAt({ inflight: 9, stats: { ...read, running: 0, waiting: 0, own: 8 } }), 9);
});
