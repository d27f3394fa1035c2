/** What engines tell of themselves, in the Prometheus text format. @module */
import { atOnce } from "../../../lib/base/mod.ts";
import { ENGINE_SERIES, engineReadingOf } from "../../../lib/fleet/mod.ts";
import { SampleReader, type Samples } from "../../../lib/metrics/mod.ts";
import { cut } from "../cuts.ts";
import { difference } from "../outcome.ts";
import { parserTarget } from "../parser_target.ts";
import type { FuzzTarget } from "../target.ts";

/** Reads samples. Total. */
export type Reader = Pick<SampleReader, "push" | "end">;

/** The target, with readers that `make` makes. */
export function metricsTarget(make = (): Reader => new SampleReader(ENGINE_SERIES)): FuzzTarget {
  const samples = (pieces: readonly Uint8Array[]): Samples => {
    const reader = make();
    for (const piece of pieces) atOnce(reader.push(piece));
    return reader.end();
  };
  return parserTarget({
    name: "metrics",
    about: "engines' metrics at every cut",
    corpus: {
      seeds: [
        "# HELP vllm:num_requests_running Number.\n# TYPE vllm:num_requests_running gauge\n" +
        'vllm:num_requests_running{engine="0",model_name="m"} 3.0\n',
        'vllm:num_requests_waiting{m="a\\"} 9"} 2\nvllm:num_requests_waiting 1e2 1700000000000\n',
        "vllm:kv_cache_usage_perc 0.25\nvllm:gpu_cache_usage_perc NaN\n",
        "vllm:num_preemptions_total{} +Inf\r\nvllm:prefix_cache_hits_total{} .5",
      ],
      words: [
        ...["vllm:num_requests_running", "vllm:num_requests_waiting", "vllm:kv_cache_usage_perc"],
        ...[
          "vllm:",
          "{",
          "}",
          '="',
          '"',
          "\\",
          " ",
          "\n",
          "\r\n",
          "# ",
          "-1",
          "1e308",
          "1e999",
          "NaN",
        ],
      ],
    },
    check(input, random) {
      const whole = samples([input]);
      for (const [name, { sum, count }] of whole) {
        if (!ENGINE_SERIES.includes(name)) return `name: ${name}`;
        if (!(count >= 1) || !Number.isFinite(sum)) return `sample: ${name} ${sum} ${count}`;
      }
      const reading = engineReadingOf(whole);
      const figures = Object.entries(reading ?? {});
      const odd = figures.find(([name, value]) =>
        !(value >= 0 && (name !== "kvUse" || value <= 1))
      );
      if (odd !== undefined) return `figure: ${odd.join(" ")}`;
      return difference("cuts", [...samples(cut(input, random))], [...whole]);
    },
  });
}
