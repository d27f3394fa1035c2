/** The words of `--nixl-first-token` and `first_token`, and the modes they stand for. @module */
import type { Mode } from "../base/mod.ts";

/** Which engine's first token the client sees. */
export const FIRST_TOKENS = ["prefill", "decode", "both"] as const;
export type FirstToken = (typeof FIRST_TOKENS)[number];

const MODES_OF = {
  prefill: ["p1"],
  decode: ["d1"],
  both: ["p1", "d1"],
} as const satisfies Readonly<Record<FirstToken, readonly Mode[]>>;

/** The modes of a decode engine for which `word` was said. */
export function modesOfFirstToken(word: FirstToken): readonly Mode[] {
  return MODES_OF[word];
}
