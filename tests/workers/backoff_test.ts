import { Backoff } from "../../lib/workers/backoff.ts";
import { assertEquals } from "../support/assert.ts";

Deno.test("Backoff.next() doubles up to ten seconds, and begins anew behind a long life", () => {
  const backoff = new Backoff();
  const pauses = Array.from({ length: 9 }, () => backoff.next(1_000));
  assertEquals(pauses, [100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000]);
  assertEquals([backoff.next(59_999), backoff.next(60_000), backoff.next(0)], [10_000, 100, 200]);
});
