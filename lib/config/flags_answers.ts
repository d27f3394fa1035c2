/** Flags that say how clients are answered, and what engines are told of them. @module */
import type { FlagGroup } from "./flag.ts";
import { RANK_LEGS } from "./schema.ts";

/** What clients are told, when, and whom from. */
export const ANSWER_FLAGS = {
  title: "Answers",
  flags: [
    {
      name: "expose-engines",
      type: "flag",
      help:
        "Tell clients the addresses of engines, in errors and in /engines: without it, engines " +
        "have names of the router's there, engine-1 and so on",
    },
    {
      name: "allowed-origins",
      type: "list",
      help: "Origins whose pages may use the router from a browser, or * for all, e.g. " +
        "https://chat.example",
    },
    {
      name: "early-head",
      type: "seconds",
      bare: 5,
      range: [0.001, 604_800],
      help: "Send the head of a streamed answer that has not begun after this time, 5 without a " +
        "value, and comments until it has: for balancers that end silent connections. What fails " +
        "after that is an event",
    },
    {
      name: "dp-rank-leg",
      type: "string",
      choices: RANK_LEGS,
      default: "decode",
      help: "The leg of a handoff that a client's X-data-parallel-rank is meant for",
    },
  ],
} as const satisfies FlagGroup;
