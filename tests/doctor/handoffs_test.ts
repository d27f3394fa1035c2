import { handoffFindings } from "../../lib/doctor/handoffs.ts";
import type { CanaryNote } from "../../lib/flow/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { engineOf } from "../support/flow_fakes.ts";
import { lines } from "./support.ts";

function note(result: CanaryNote["result"], more: Partial<CanaryNote> = {}): CanaryNote {
  const [prefill, decode] = [engineOf("p", "prefill", "nixl"), engineOf("d", "decode", "nixl")];
  return { prefill, decode, result, at: 1, tookMs: 12.3, came: false, ...more };
}

const PAIR = "http://p:8000 -> http://d:8000";

Deno.test("handoffFindings() is well only where the KV was found", () => {
  const came = handoffFindings({ kind: "tried", pairs: 1, notes: [note("ok", { came: true })] });
  assertEquals(lines(came), [
    `ok ${PAIR}: the KV was found, and the answer is right; with and without a handoff it took 13 ms`,
  ]);
  const open = handoffFindings({ kind: "tried", pairs: 1, notes: [note("ok")] });
  assertEquals(open.map(({ outcome }) => outcome), ["warning"]);
});

Deno.test("handoffFindings() fails for KV that did not come, wrong answers and none", () => {
  const notes = [note("recomputed"), note("mismatch"), note("failed", { error: "refused" })];
  const found = handoffFindings({ kind: "tried", pairs: 3, notes });
  assertEquals(found.map(({ outcome }) => outcome), ["failed", "failed", "failed"]);
  assertEquals(found[2]?.said, "there is no answer by this pair: refused");
});

Deno.test("handoffFindings() says which pairs were left out", () => {
  const some = handoffFindings({ kind: "tried", pairs: 40, notes: [note("skipped")] });
  assertEquals(lines(some)[1], "skipped : 39 further pairs were not tried");
  assertEquals(lines(handoffFindings({ kind: "not-tried", why: "as asked" })), [
    "skipped : as asked",
  ]);
  const late = handoffFindings({ kind: "late", afterMs: 5_000, notes: [] });
  assertEquals(lines(late), ["failed : the other pairs were not tried within 5 s"]);
});

Deno.test("handoffFindings() fails where there is no pair", () => {
  const [found] = handoffFindings({ kind: "tried", pairs: 0, notes: [] });
  assertEquals(found?.outcome, "failed");
});
