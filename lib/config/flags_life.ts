/** Flags of engines that come, are started anew, or differ from one another. @module */
import type { FlagGroup } from "./flag.ts";

/** None, and at most an hour. */
const START = [0, 3_600] as const;

/** How engines begin to serve, and with whom. */
export const LIFE_FLAGS = {
  title: "Life of engines",
  flags: [
    {
      name: "slow-start",
      type: "seconds",
      default: 0,
      range: START,
      help:
        "For how long the share of requests grows, from a tenth to all, of an engine that has " +
        "come of late, was started anew, or serves again; 0 for all at once, as vLLM answers when " +
        "it has warmed up",
    },
    {
      name: "pair-unequal",
      type: "flag",
      help:
        "Hand off between engines also where they tell of other models, versions, KV types or " +
        "chunk sizes",
    },
  ],
} as const satisfies FlagGroup;
