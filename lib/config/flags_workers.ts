/** Flags of several processes behind one port. @module */
import type { FlagGroup } from "./flag.ts";

/** More than any machine is of use with: all of them tell one another what they do. */
export const MOST_WORKERS = 64;

/** The variable that makes a process one of several: its number, a dot, and how many had the number. */
export const WORKER_VARIABLE = "PD_ROUTER_WORKER";

/** How many processes serve. */
export const WORKER_FLAGS = {
  title: "Processes",
  flags: [
    {
      name: "workers",
      type: "count",
      default: 1,
      range: [1, MOST_WORKERS],
      help: "Processes that serve on the port together, one more starts them and stands between " +
        "them; auto is one for each core; 1 serves by itself",
    },
  ],
} as const satisfies FlagGroup;
