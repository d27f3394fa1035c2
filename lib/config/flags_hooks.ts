/** Flags of the operator's own code. @module */
import type { FlagGroup } from "./flag.ts";

/** Modules that requests go through, and how long they may take. */
export const HOOK_FLAGS = {
  title: "Hooks",
  flags: [
    {
      name: "callbacks",
      type: "module",
      help: "An export of a TypeScript or JavaScript file with preRequest or postRequest, called " +
        "before a request is sent on, and after its answer",
    },
    {
      name: "request-rewriter",
      type: "module",
      default: "noop",
      help: "noop, or an export that gives the body to send in place of the client's",
    },
    {
      name: "callback-timeout",
      type: "seconds",
      default: 5,
      range: [0.001, 3_600],
      help: "Longest that one call of these may take; the request is then answered 504",
    },
  ],
} as const satisfies FlagGroup;
