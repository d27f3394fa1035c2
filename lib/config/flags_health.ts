/** Flags that say when engines are gone around, and what becomes of requests meanwhile. @module */
import type { FlagGroup } from "./flag.ts";
import { FAILURE_POLICIES } from "./schema.ts";

/** One millisecond to one day. */
const PAUSE = [0.001, 86_400] as const;
const COUNT = [1, 1_000] as const;

/** What failures lead to. */
export const HEALTH_FLAGS = {
  title: "Health",
  flags: [
    {
      name: "engine-failures",
      type: "int",
      default: 3,
      range: COUNT,
      help:
        "Failures in a row after which an engine is gone around; one that cannot be connected " +
        "to is at once",
    },
    {
      name: "pair-failures",
      type: "int",
      default: 2,
      range: COUNT,
      help:
        "Failed handoffs in a row after which two engines are not paired, though each of them " +
        "may serve with others",
    },
    {
      name: "health-pause",
      type: "seconds",
      default: 1,
      range: PAUSE,
      help: "How long that lasts, until one request tries again; twice as long each time it fails",
    },
    {
      name: "health-max-pause",
      type: "seconds",
      default: 60,
      range: PAUSE,
      help: "The longest of these pauses",
    },
    {
      name: "health-max-shut",
      type: "float",
      default: 0.5,
      range: [0, 1],
      help: "Share of a role's engines that may be gone around for failures; where more of them " +
        "fail, all that answer serve",
    },
    {
      name: "frozen-after",
      type: "seconds",
      default: 1.5,
      range: PAUSE,
      help: "An engine that owes answers and begins none for this long, and for longer than it " +
        "uses to, is asked for a sign of life; without one, its requests are taken elsewhere, if " +
        "another could serve",
    },
    {
      name: "max-instance-failover-reroute-attempts",
      type: "int",
      default: 1,
      range: [0, 10],
      help: "Further attempts at a request that failed before the client had anything of its " +
        "answer, on other engines",
    },
    {
      name: "retry-budget",
      type: "float",
      default: 0.1,
      range: [0, 1],
      help: "Of all requests, the share that may be tried again, beside 3 in each second",
    },
    {
      name: "handoff-failure-policy",
      type: "string",
      choices: FAILURE_POLICIES,
      default: "direct",
      help: "When no pair is left for a request: one engine serves all of it, or an error",
    },
    {
      name: "handoff-fallback-share",
      type: "float",
      default: 0.9,
      range: [0, 1],
      help: "Share of a decode engine's seats that may be taken when it gets such a request; the " +
        "others are for handoffs, so that these are tried again",
    },
    {
      name: "continue-streams",
      type: "flag",
      help:
        "A stream whose decode engine fails is gone on with by another pair, from the prompt and " +
        "the tokens that the client has",
    },
  ],
} as const satisfies FlagGroup;
