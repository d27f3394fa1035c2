import { NOTHING_AWAITED } from "../../lib/kv/mod.ts";
import { sharedStorage } from "../../lib/kv/shared_storage.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { askFor, NEWS, ProtocolFixture } from "./protocol_support.ts";
import { pairOf } from "./support.ts";

Deno.test("sharedStorage gives neither engine parameters, and leaves its KV to the store", () => {
  using fixture = new ProtocolFixture();
  const transfer = sharedStorage.begin(fixture.deps, askFor(pairOf("shared_storage")));
  assertEquals([transfer.prefillParams, transfer.reclaim], [undefined, "none"]);
  for (const news of [...NEWS, undefined]) assertEquals(transfer.decodeParams(news), undefined);
  assert(transfer.landed === NOTHING_AWAITED);
  assertEquals([fixture.steps, fixture.waiters], [[], 0]);
  assertEquals([fixture.metrics.counted, fixture.lines], [[], []]);
});

Deno.test("sharedStorage takes mode D1 of every decode engine", () => {
  assertEquals(sharedStorage.traits.modes(pairOf("shared_storage").decode), ["d1"]);
});

Deno.test("NOTHING_AWAITED is ready at once, also when its wait is aborted, and stays so", async () => {
  for (const signal of [new AbortController().signal, AbortSignal.abort()]) {
    assertEquals(await NOTHING_AWAITED.wait({ timeoutMs: 0, signal }), "ready");
  }
  NOTHING_AWAITED[Symbol.dispose]();
  assertEquals(await NOTHING_AWAITED.wait({ timeoutMs: 0 }), "ready");
  assertEquals([NOTHING_AWAITED.received(), NOTHING_AWAITED.cancelled], [0, false]);
});
