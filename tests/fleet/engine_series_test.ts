import { encodeUtf8 } from "../../lib/base/mod.ts";
import { ENGINE_SERIES, type EngineReading, engineReadingOf } from "../../lib/fleet/mod.ts";
import { samplesOf } from "../../lib/metrics/mod.ts";
import { assertEquals } from "../support/assert.ts";

function reading(...lines: readonly string[]): EngineReading | undefined {
  return engineReadingOf(samplesOf(encodeUtf8(lines.join("\n")), ENGINE_SERIES));
}

Deno.test("engineReadingOf() sums over ranks, and takes the mean of what they use of their caches", () => {
  assertEquals(
    reading(
      'vllm:num_requests_running{engine="0",model_name="m"} 3.0',
      'vllm:num_requests_running{engine="1",model_name="m"} 4.0',
      'vllm:num_requests_waiting{engine="0",model_name="m"} 1.0',
      'vllm:num_requests_waiting{engine="1",model_name="m"} 0.0',
      'vllm:num_requests_waiting_by_reason{engine="1",reason="capacity"} 9.0',
      'vllm:kv_cache_usage_perc{engine="0",model_name="m"} 0.5',
      'vllm:kv_cache_usage_perc{engine="1",model_name="m"} 0.25',
      'vllm:prefix_cache_queries_total{engine="0"} 100',
      'vllm:prefix_cache_hits_total{engine="0"} 60',
      'vllm:external_prefix_cache_queries_total{engine="0"} 40',
      'vllm:external_prefix_cache_hits_total{engine="0"} 30',
      'vllm:num_preemptions_total{engine="0"} 2',
      'vllm:num_preemptions_created{engine="0"} 1.7e9',
    ),
    {
      running: 7,
      waiting: 1,
      kvUse: 0.375,
      prefixQueries: 100,
      prefixHits: 60,
      externalQueries: 40,
      externalHits: 30,
      preemptions: 2,
    },
  );
});

Deno.test("engineReadingOf() knows the names of earlier generations, and counts no figure twice", () => {
  const old = [
    "vllm:num_requests_running 1",
    "vllm:num_requests_waiting 2",
    "vllm:num_requests_swapped 3",
    "vllm:gpu_cache_usage_perc 0.25",
    "vllm:gpu_prefix_cache_queries 8",
    "vllm:gpu_prefix_cache_hits 4",
    "vllm:num_preemptions 5",
  ];
  const told = {
    running: 1,
    waiting: 2,
    swapped: 3,
    kvUse: 0.25,
    prefixQueries: 8,
    prefixHits: 4,
    preemptions: 5,
  };
  assertEquals(reading(...old), told);
  // Between two generations both names are told.
  const both = ["vllm:kv_cache_usage_perc 0.25", "vllm:prefix_cache_hits_total 4"];
  assertEquals(reading(...old, ...both), told);
});

Deno.test("engineReadingOf() says nothing of an engine that says nothing of its requests", () => {
  assertEquals(reading(""), undefined);
  assertEquals(reading("vllm:kv_cache_usage_perc 0.5", "sglang:num_running_reqs 3"), undefined);
  assertEquals(reading("vllm:num_requests_waiting 3"), { running: 0, waiting: 3 });
});

Deno.test("engineReadingOf() keeps figures within what they can be", () => {
  const odd = ["vllm:num_requests_running -4", "vllm:kv_cache_usage_perc 1.5"];
  assertEquals(reading(...odd), { running: 0, waiting: 0, kvUse: 1 });
});
