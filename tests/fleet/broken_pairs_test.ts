import type { Engine } from "../../lib/base/mod.ts";
import { BrokenPairs, FleetView, type Outcome } from "../../lib/fleet/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { engine, LogLines } from "./support.ts";

const P1 = engine("p1", ["m"], { role: "prefill", kv: "lmcache" });
const P2 = engine("p2", ["m"], { role: "prefill", kv: "lmcache" });
const D = engine("d", ["m"], { role: "decode", kv: "lmcache" });

function following(all: readonly Engine[] = [P1, P2, D]): {
  readonly pairs: BrokenPairs;
  readonly written: LogLines;
  readonly ends: (prefill: Engine, end: Outcome["end"], code?: Outcome["code"]) => void;
  readonly broken: () => readonly string[];
} {
  const written = new LogLines(new FakeClock());
  const entries = all.map((one) => ({ engine: one, cards: [], created: 1 }));
  const snapshot = (): FleetView => new FleetView(entries, []);
  const pairs = new BrokenPairs({ log: written.log, snapshot });
  return {
    pairs,
    written,
    ends: (peer, end, code) =>
      pairs.landed({
        ...{ engine: D, leg: "decode", peer, end, code },
        ...{ status: undefined, headMs: undefined, ms: 1 },
      }),
    broken: () => pairs.broken.map(({ prefill, decode }) => `${prefill.id} ${decode.id}`),
  };
}

Deno.test("BrokenPairs names the prefill engine whose KV does not come to a restarted decode engine", () => {
  const { pairs, written, ends, broken } = following();
  ends(P1, "failed", "kv-timeout");
  assertEquals(broken(), []);
  pairs.follow({ kind: "removed", engine: D, replaced: true });
  assertEquals(broken(), []);
  ends(P2, "ok");
  for (let count = 0; count < 3; count++) ends(P1, "failed", "kv-timeout");
  ends(P2, "failed", "kv-timeout");
  ends(P1, "failed", "upstream-lost");
  assertEquals(broken(), ["p1 d"]);
  assertEquals(written.messages().length, 1);
});

Deno.test("BrokenPairs forgets a pair that meets again, and engines that go or are restarted", () => {
  for (const mend of ["met", "removed", "restarted"] as const) {
    const { pairs, ends, broken } = following();
    pairs.follow({ kind: "removed", engine: D, replaced: true });
    ends(P1, "failed", "kv-timeout");
    assertEquals(broken(), ["p1 d"]);
    if (mend === "met") ends(P1, "ok");
    if (mend === "removed") pairs.follow({ kind: "removed", engine: P1 });
    if (mend === "restarted") pairs.follow({ kind: "removed", engine: P1, replaced: true });
    assertEquals(broken(), [], mend);
  }
});

Deno.test("BrokenPairs looks at engines of LMCache alone, and at those that were replaced", () => {
  const { pairs, ends, broken } = following();
  pairs.follow({ kind: "removed", engine: D });
  pairs.follow({ kind: "removed", engine: { ...D, kv: "nixl" }, replaced: true });
  pairs.follow({ kind: "changed", engine: D });
  ends(P1, "failed", "kv-timeout");
  assertEquals(broken(), []);
});
