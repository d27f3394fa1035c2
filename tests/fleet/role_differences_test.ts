import type { Engine } from "../../lib/base/mod.ts";
import { differencesIn, type EngineEntry } from "../../lib/fleet/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { engineOf } from "../support/flow_fakes.ts";

function entry(
  id: string,
  role: Engine["role"],
  card: Readonly<Record<string, unknown>>,
  kv: Engine["kv"] = "lmcache",
): EngineEntry {
  return { engine: engineOf(id, role, kv), cards: [{ id: "m", ...card }], created: 1 };
}

const unversioned = (): undefined => undefined;

Deno.test("differencesIn() is empty where all say the same, or one role nothing", () => {
  const card = { max_model_len: 4_096, root: "/models/m" };
  const same = [entry("p", "prefill", card), entry("d", "decode", card)];
  assertEquals(differencesIn(same, unversioned), []);
  const silent = [entry("p", "prefill", card), entry("d", "decode", { max_model_len: null })];
  assertEquals(differencesIn(silent, unversioned), []);
});

Deno.test("differencesIn() tells each property's values by role", () => {
  const entries = [
    entry("p1", "prefill", { max_model_len: 4_096, root: "a", dtype: "bfloat16" }),
    entry("p2", "prefill", { max_model_len: 8_192, root: "a" }),
    entry("d1", "decode", { max_model_len: 4_096, root: "b", dtype: "float16" }),
  ];
  const versions = new Map([["p1", "0.32.0"], ["p2", "0.32.0"], ["d1", "0.31.0"]]);
  const common = { model: "m", kv: "lmcache" } as const;
  assertEquals(differencesIn(entries, (id) => versions.get(id)), [
    { ...common, property: "max_model_len", prefill: ["4096", "8192"], decode: ["4096"] },
    { ...common, property: "root", prefill: ["a"], decode: ["b"] },
    { ...common, property: "dtype", prefill: ["bfloat16"], decode: ["float16"] },
    { ...common, property: "version", prefill: ["0.32.0"], decode: ["0.31.0"] },
  ]);
});

Deno.test("differencesIn() compares only engines whose KV can get to each other", () => {
  const entries = [
    entry("p", "prefill", { max_model_len: 1 }, "nixl"),
    entry("d", "decode", { max_model_len: 2 }, "lmcache"),
    entry("a", "any", { max_model_len: 3 }, "lmcache"),
  ];
  assertEquals(differencesIn(entries, unversioned), []);
});
