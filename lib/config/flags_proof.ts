/** Flags for the proof that KV moves. @module */
import type { FlagGroup } from "./flag.ts";

/** One minute to one week, and 0 for never again. */
const MINUTES = [0, 10_080] as const;

/** How the router tries it by itself. */
export const PROOF_FLAGS = {
  title: "Proof that KV moves",
  flags: [
    {
      name: "canary",
      type: "flag",
      help: "Try each pair of engines at the start by a handoff of the router's own, and compare " +
        "it with the decode engine's own answer",
    },
    {
      name: "canary-interval",
      type: "int",
      default: 0,
      range: MINUTES,
      help: "Try them again after so many minutes, at most 32 pairs a round, in turn; 0: not again",
    },
  ],
} as const satisfies FlagGroup;
