/** What answers say of their usage, found in bytes as they pass. @module */
import { UsageScanner } from "../../../lib/doors/usage_scanner.ts";
import { STREAMS } from "../corpora/answers.ts";
import { cut } from "../cuts.ts";
import { difference } from "../outcome.ts";
import { parserTarget } from "../parser_target.ts";
import type { FuzzTarget } from "../target.ts";

/** Looks for usages. Total. */
export type Scanner = Pick<UsageScanner, "push" | "tokens">;

/** The target, with scanners that `make` makes. */
export function usageTarget(make = (): Scanner => new UsageScanner()): FuzzTarget {
  const tokens = (pieces: readonly Uint8Array[]): number | undefined => {
    const scanner = make();
    for (const piece of pieces) scanner.push(piece);
    return scanner.tokens;
  };
  return parserTarget({
    name: "usage",
    about: "usages in answers at every cut",
    corpus: {
      ...STREAMS,
      seeds: [
        ...STREAMS.seeds,
        '{"usage" : {"prompt_tokens":3,"completion_tokens":4,"details":{"a":{}}}}',
        '"usage":"usage":{"input_tokens":3}"usage": null,"usage":{"output_tokens":1e9}',
        '{"text":"\\"usage\\":{","usage":{"total_tokens":7}}',
      ],
      words: [...STREAMS.words, '"usage"', '"usage":{', "{", "}", '"', '"total_tokens":5'],
    },
    check(input, random) {
      const whole = tokens([input]);
      if (whole !== undefined && !(whole >= 0)) return `tokens: ${whole}`;
      return difference("cuts", tokens(cut(input, random)), whole);
    },
  });
}
