/** Flags that bound what one request may take. @module */
import type { FlagGroup } from "./flag.ts";

/** How long a request may take over all. */
export const REQUEST_FLAGS = {
  title: "Requests",
  flags: [
    {
      name: "request-timeout",
      type: "seconds",
      default: 3_600,
      range: [0.001, 604_800],
      help: "Longest time from a request's arrival to the end of its answer, whatever it waits for",
    },
  ],
} as const satisfies FlagGroup;
