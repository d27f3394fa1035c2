import { jsonOf } from "../../lib/base/mod.ts";
import { encodeJson } from "../../lib/workers/codec.ts";
import { mergedEngines, mergedRow } from "../../lib/workers/merge_engines.ts";
import { assertEquals } from "../support/assert.ts";

function told(rows: unknown): { status: number; contentType: string; body: Uint8Array } {
  return { status: 200, contentType: "application/json", body: encodeJson(rows) };
}

Deno.test("mergedEngines() has each engine once, with what is known to be under way there", () => {
  const all = [
    told([{ engine_id: "a", role: "prefill", inflight: 2, room: 60 }]),
    told([
      { engine_id: "a", role: "prefill", inflight: 3, room: 58 },
      { engine_id: "b", role: "decode", inflight: 1 },
    ]),
    told({ error: "none" }),
  ];
  assertEquals(jsonOf(mergedEngines(all).body), [
    { engine_id: "a", role: "prefill", inflight: 3, room: 58 },
    { engine_id: "b", role: "decode", inflight: 1 },
  ]);
});

Deno.test("mergedRow() tells what speaks against an engine, whoever says it, with its reason", () => {
  const good = { engine_id: "a", state: "ready", serving_models: [] };
  const shut = { engine_id: "a", verdict: "shut", why: "upstream-lost", serving_models: ["m"] };
  const expected = { ...good, serving_models: ["m"], verdict: "shut", why: "upstream-lost" };
  assertEquals(mergedRow(good, shut), expected);
  assertEquals(mergedRow(shut, { ...good, verdict: "probing" }), { ...shut, state: "ready" });
});
