/** The beginnings of answers, looked at for what engines say has failed. @module */
import { concatBytes, RouterError } from "../../../lib/base/mod.ts";
import { readBeginning } from "../../../lib/request/engine_failure.ts";
import type { UpstreamResponse } from "../../../lib/upstream/mod.ts";
import { oneIn } from "../chance.ts";
import { STREAMS } from "../corpora/answers.ts";
import { JSON_SEEDS } from "../corpora/json.ts";
import { cut } from "../cuts.ts";
import { difference, outcomeOfAsync } from "../outcome.ts";
import { parserTarget } from "../parser_target.ts";
import type { FuzzTarget } from "../target.ts";
import { textOf } from "../text.ts";

/** Reads a beginning. Rejects with `RouterError`. */
export type ReadBeginning = typeof readBeginning;

/** A response of `pieces`. */
function responseOf(type: string, pieces: readonly Uint8Array[]): UpstreamResponse {
  const left = [...pieces];
  return {
    status: 200,
    headers: [["content-type", type]],
    header: (name) => name === "content-type" ? type : undefined,
    read: () => Promise.resolve(left.shift()),
    readAll: () => Promise.resolve(concatBytes(left.splice(0))),
    [Symbol.dispose]: () => {},
  };
}

/** The target, with `read` as the reader. */
export function beginningTarget(read: ReadBeginning = readBeginning): FuzzTarget {
  return parserTarget({
    name: "beginning",
    about: "what engines tell as failures and refusals at the beginning of answers",
    corpus: {
      ...STREAMS,
      seeds: [
        ...STREAMS.seeds,
        ...JSON_SEEDS.slice(11),
        `data: {"choices":[{"finish_reason":"error"}]}\n\n`,
        `{"error":${"[".repeat(20_000)}${"]".repeat(20_000)}}`,
      ],
      maxBytes: 256_000,
    },
    async check(input, random) {
      const streams = oneIn(random, 2);
      const type = streams ? "text/event-stream; charset=utf-8" : "application/json";
      const whole = await outcomeOfAsync(
        () => read(responseOf(type, input.length === 0 ? [] : [input])),
        RouterError,
      );
      const got = await outcomeOfAsync(
        () => read(responseOf(type, cut(input, random))),
        RouterError,
      );
      if (!streams) return difference("cuts", got, whole);
      // Of events that come later, a read more may tell.
      const begun = got.ok ? textOf(got.value.bytes ?? new Uint8Array(0)) : "";
      return textOf(input).startsWith(begun) ? undefined : "bytes: not as they came";
    },
  });
}
