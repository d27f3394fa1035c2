/** Flags that say how the router begins and ends. @module */
import type { FlagGroup } from "./flag.ts";

/** At most a week, and none at all. */
const SPAN = [0, 604_800] as const;

/** The beginning and the end of a router. */
export const LIFECYCLE_FLAGS = {
  title: "Lifecycle",
  flags: [
    {
      name: "warm-up",
      type: "string",
      default: "on",
      bare: "on",
      choices: ["on", "off"],
      help: "Run the code of requests before engines in memory, before /ready says that it is: " +
        "the first requests are as fast as later ones; takes less than a second, in which others are served",
    },
    {
      name: "drain-delay",
      type: "seconds",
      default: 0,
      range: SPAN,
      help: "How long requests are still taken after SIGTERM, while /ready says that it is over: " +
        "time for what balances to look elsewhere",
    },
    {
      name: "drain-timeout",
      type: "seconds",
      default: 30,
      range: SPAN,
      help: "How long requests in flight may go on after that",
    },
  ],
} as const satisfies FlagGroup;
