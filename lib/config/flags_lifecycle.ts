/** Flags that say how the router ends. @module */
import type { FlagGroup } from "./flag.ts";

/** At most a week, and none at all. */
const SPAN = [0, 604_800] as const;

/** The end of a router. */
export const LIFECYCLE_FLAGS = {
  title: "Lifecycle",
  flags: [
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
