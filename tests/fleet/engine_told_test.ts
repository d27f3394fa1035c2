import { encodeUtf8 } from "../../lib/base/mod.ts";
import { TOLD_SERIES, toldIn } from "../../lib/fleet/mod.ts";
import { samplesOf } from "../../lib/metrics/mod.ts";
import { assertEquals } from "../support/assert.ts";

function told(text: string): ReturnType<typeof toldIn> {
  return toldIn(samplesOf(encodeUtf8(text), TOLD_SERIES));
}

Deno.test("toldIn() reads an engine's start, what it has computed, and its KV cache", () => {
  const text = [
    "# TYPE process_start_time_seconds gauge",
    "process_start_time_seconds 1.78e+09",
    'vllm:cache_config_info{block_size="16",cache_dtype="fp8",engine="0",sliding_window="None"} 1.0',
    'vllm:prompt_tokens_total{engine="0",model_name="m"} 12.0',
    'vllm:prompt_tokens_total{engine="1",model_name="m"} 30.0',
    "process_cpu_seconds_total 5",
  ].join("\n");
  assertEquals(told(text), { started: 1.78e9, prompts: 42, blockSize: "16", cacheDtype: "fp8" });
});

Deno.test("toldIn() knows nothing of what is not told", () => {
  assertEquals(told(""), {});
  assertEquals(told('vllm:cache_config_info{block_size="None",cache_dtype=""} 1\n'), {});
  assertEquals(
    told('process_start_time_seconds{pid="1"} 1\nprocess_start_time_seconds{pid="2"} 2\n'),
    {},
  );
});
