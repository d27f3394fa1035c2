import { encodeUtf8 } from "../../lib/base/mod.ts";
import { ENGINE_SERIES } from "../../lib/fleet/mod.ts";
import { type KvCounters, kvCountersOf } from "../../lib/handoff/engine_counters.ts";
import { samplesOf } from "../../lib/metrics/mod.ts";
import { assertEquals } from "../support/assert.ts";

/** What a text of metrics tells. */
function countersIn(text: string): KvCounters | undefined {
  return kvCountersOf(samplesOf(encodeUtf8(text), ENGINE_SERIES));
}

const HELP = "# HELP vllm:external_prefix_cache_hits_total Tokens.\n" +
  "# TYPE vllm:external_prefix_cache_hits_total counter\n";

Deno.test("kvCountersOf() sums the series of all of an engine's cores", () => {
  const text = `${HELP}vllm:external_prefix_cache_hits_total{engine="0",model_name="a b"} 12.0\n` +
    'vllm:external_prefix_cache_hits_total{engine="1"} 1.5e+01\n' +
    'vllm:external_prefix_cache_hits_created{engine="0"} 1.7e+09\n' +
    'vllm:external_prefix_cache_queries_total{engine="0"} 99\n' +
    'vllm:prefix_cache_hits_total{engine="0"} 7\n';
  assertEquals(countersIn(text), { external: 27, own: 7 });
});

Deno.test("kvCountersOf() knows the names of earlier generations", () => {
  const text = "vllm:external_prefix_cache_hits 3\nvllm:gpu_prefix_cache_hits_total{} 4\n";
  assertEquals(countersIn(text), { external: 3, own: 4 });
  assertEquals(countersIn("vllm:external_prefix_cache_hits_total 3\n"), { external: 3, own: 0 });
});

Deno.test("kvCountersOf() is undefined of engines that do not count KV", () => {
  for (const text of ["", HELP, "vllm:prefix_cache_hits_total 3\n", '{"detail":"Not Found"}']) {
    assertEquals(countersIn(text), undefined);
  }
  assertEquals(countersIn("vllm:external_prefix_cache_hits_total NaN\n"), undefined);
});
