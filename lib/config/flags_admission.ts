/** Flags that say how much engines get at a time, and who waits before them. @module */
import type { FlagGroup } from "./flag.ts";

/** 0 stands for what is known of the engine, or for nobody. */
const COUNT = [0, 1_000_000] as const;

/** Who goes to the engines, and who waits. */
export const ADMISSION_FLAGS = {
  title: "Admission",
  flags: [
    {
      name: "max-inflight",
      type: "int",
      default: 0,
      range: COUNT,
      help:
        "Requests that each decode engine, and each that serves whole requests, gets at a time; " +
        "0 for its max_num_seqs, or 1,024 where that is not given",
    },
    {
      name: "max-prefill-inflight",
      type: "int",
      default: 0,
      range: COUNT,
      help:
        "Prompts that each prefill engine gets at a time; 0 for its max_num_seqs, or 64 where " +
        "that is not given",
    },
    {
      name: "queue-size",
      type: "int",
      default: 1_024,
      range: COUNT,
      help: "Requests that wait while no engine has room, 0 for none; more are answered 429 or 503",
    },
    {
      name: "queue-timeout",
      type: "seconds",
      default: 30,
      range: [0.001, 86_400],
      help: "How long each of them waits at most",
    },
  ],
} as const satisfies FlagGroup;
