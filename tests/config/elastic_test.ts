import { problemText } from "../../lib/config/mod.ts";
import { assertEquals, assertStringIncludes } from "../support/assert.ts";
import { configOf, FLEET, problemsOf } from "./support.ts";

const TWO = ["http://a:8000;max_num_seqs=32", "http://b:8000;topology=zone:z"];

/** The problems of what is given, as text. */
function textOf(given: Parameters<typeof problemsOf>[0]): string {
  return problemsOf(given).map(problemText).join("\n");
}

Deno.test("--both is enough to start with, and moves KV by NIXL", () => {
  const config = configOf({ flags: { both: TWO } });
  assertEquals(config.handoff, { kind: "nixl" });
  assertEquals(
    config.engines.map(({ role, kv, nixl }) => [role, kv, nixl]),
    [["both", "nixl", undefined], ["both", "nixl", undefined]],
  );
  assertEquals(config.engines[0]?.maxNumSeqs, 32);
  assertEquals(config.engines[1]?.topology, { zone: "z" });
  assertEquals(config.elastic, { intervalMs: 30_000, minPrefill: 1, minDecode: 1 });
});

Deno.test("--both goes with others, and one alone serves whole requests", () => {
  const mixed = configOf({
    flags: { both: TWO, prefill: "http://p:8000", "elastic-interval": "5" },
  });
  assertEquals(mixed.engines.map(({ role, kv }) => `${role} ${kv}`), [
    "prefill nixl",
    "both nixl",
    "both nixl",
  ]);
  assertEquals(mixed.elastic?.intervalMs, 5_000);
  assertEquals(configOf({ flags: { both: "http://a:8000" } }).engines.length, 1);
  const stored = configOf({ flags: { both: TWO, "kv-protocol": "shared_storage" } });
  assertEquals(stored.engines.map(({ kv }) => kv), ["shared_storage", "shared_storage"]);
});

Deno.test("a file gives an engine the role both", () => {
  const { engines, elastic } = configOf({
    file: `
routing_logic: disaggregated_prefill
nixl_proxy_host: 0.0.0.0
elastic_min_prefill: 2
engines:
  - { url: "http://p", role: prefill, models: [m] }
  - { url: "http://d", role: decode, models: [m] }
  - { url: "http://b", role: both, models: [m], kv_protocol: nixl }
`,
  });
  assertEquals(engines.map(({ role, kv }) => `${role} ${kv}`), [
    "prefill lmcache",
    "decode lmcache",
    "both nixl",
  ]);
  assertEquals(elastic, { intervalMs: 30_000, minPrefill: 2, minDecode: 1 });
});

Deno.test("role both is refused where an engine has one side, or none", () => {
  assertStringIncludes(
    textOf({ flags: { both: TWO, "kv-protocol": "lmcache" } }),
    "role both needs kv_protocol nixl or shared_storage: with lmcache an engine has one side",
  );
  const file = (engine: string): string => `engines:\n  - { url: "http://b", role: both${engine} }`;
  assertStringIncludes(
    textOf({ flags: FLEET, file: file("") }),
    "role both needs --routing-logic disaggregated_prefill",
  );
  assertStringIncludes(
    textOf({
      flags: { "routing-logic": "disaggregated_prefill", "kv-protocol": "nixl" },
      file: file(", nixl: { host: h }"),
    }),
    "host and ports belong to decode engines",
  );
  assertStringIncludes(textOf({ flags: { both: "http://a;init=1" } }), 'unknown key "init"');
  assertStringIncludes(textOf({ flags: { both: TWO, "elastic-min-decode": "0" } }), "1");
});

Deno.test("without such engines nothing is said of them", () => {
  assertEquals(configOf({ flags: FLEET }).elastic, undefined);
});
