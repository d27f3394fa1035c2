/** Flags of what is told of single requests. @module */
import type { FlagGroup } from "./flag.ts";

/** Where the time of requests went. */
export const OBSERVE_FLAGS = {
  title: "Single requests",
  flags: [
    {
      name: "access-log",
      type: "string",
      default: "off",
      bare: "all",
      help: "A line for each request that has ended, with its phases, pair, route, tokens and " +
        "outcome: off, all, or a share such as 0.01 (or 1%), to which those that an engine or the " +
        "router has spoilt are added. Prompts, answers, keys and queries are never in it",
    },
    {
      name: "access-log-format",
      type: "string",
      default: "json",
      choices: ["json", "text"],
      help: "How such a line looks: a JSON object, or key=value",
    },
    {
      name: "access-log-file",
      type: "string",
      help: "File that such lines are appended to, opened again on SIGHUP. Standard output when " +
        "not given",
    },
    {
      name: "server-timing",
      type: "flag",
      help: "Tell clients where the time went, in the header field Server-Timing of answers: the " +
        "route and the phases so far",
    },
    {
      name: "keep-requests",
      type: "int",
      default: 512,
      range: [0, 100_000],
      help: "Requests that have ended and are kept for the admin API's /admin/requests, and " +
        "pd-router trace",
    },
  ],
} as const satisfies FlagGroup;
