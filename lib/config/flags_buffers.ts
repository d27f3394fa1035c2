/** Flags that bound what the router holds of requests. @module */
import type { FlagGroup } from "./flag.ts";

/** How much may be held. */
export const BUFFER_FLAGS = {
  title: "Request bodies",
  flags: [
    {
      name: "max-buffered-bytes",
      type: "int",
      default: 1024 ** 3,
      range: [1, 2 ** 40],
      help: "Most bytes of request bodies held at a time, over all requests; one that finds no " +
        "room is answered 503",
    },
  ],
} as const satisfies FlagGroup;
