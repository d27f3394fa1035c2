import { NOTHING_AWAITED } from "../../lib/kv/mod.ts";
import { assertEquals } from "../support/assert.ts";

Deno.test("NOTHING_AWAITED is ready at once, disposed or not, also for who is gone", async () => {
  const signal = AbortSignal.abort();
  assertEquals(await NOTHING_AWAITED.wait({ timeoutMs: 0, signal }), "ready");
  NOTHING_AWAITED[Symbol.dispose]();
  assertEquals(await NOTHING_AWAITED.wait({ timeoutMs: 0 }), "ready");
  assertEquals([NOTHING_AWAITED.received(), NOTHING_AWAITED.cancelled], [0, false]);
});
