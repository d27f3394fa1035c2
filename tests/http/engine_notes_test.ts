import { engineNotes, type KvReport } from "../../lib/http/engine_notes.ts";
import { assertEquals } from "../support/assert.ts";
import { engineOf } from "../support/flow_fakes.ts";

const PREFILL = engineOf("p", "prefill", "lmcache");
const DECODE = engineOf("d", "decode", "lmcache");
const OTHER = engineOf("x", "decode", "nixl");
const PAIR = { prefill: PREFILL, decode: DECODE };

const NAMES = { of: ({ id }: { readonly id: string }) => `engine-${id}` };

function report(parts: Partial<KvReport>): KvReport {
  return { marks: () => [], canaries: () => [], differences: () => [], ...parts };
}

Deno.test("engineNotes() tells of a pair on both engines, by the names that clients know", () => {
  const notes = engineNotes(
    report({
      marks: () => [{ ...PAIR, cause: "hash_seed", since: 5_999 }],
      canaries: () => [{ ...PAIR, result: "recomputed", at: 7_000, tookMs: 1, came: false }],
    }),
    [PREFILL, DECODE],
    NAMES,
  );
  const told = (peer: string): unknown => ({
    recompute_suspected: [{ peer, cause: "hash_seed", since: 5 }],
    canary: [{ peer, result: "recomputed", at: 7 }],
  });
  assertEquals([...notes], [["p", told("engine-d")], ["d", told("engine-p")]]);
});

Deno.test("engineNotes() tells of differences on the engines that they are between", () => {
  const difference = { model: "m", property: "root", prefill: ["a"], decode: ["b"] } as const;
  const notes = engineNotes(
    report({ differences: () => [{ ...difference, kv: "lmcache" }] }),
    [PREFILL, DECODE, OTHER],
    NAMES,
  );
  assertEquals([...notes], [
    ["p", { differences: [difference] }],
    ["d", { differences: [difference] }],
  ]);
});

Deno.test("engineNotes() has nothing to say where all is well", () => {
  assertEquals([...engineNotes(report({}), [PREFILL, DECODE], NAMES)], []);
});
