/** Flags of requests by which engines are tried; names and defaults are the production-stack router's. @module */
import type { FlagGroup } from "./flag.ts";
import { MODEL_TYPES } from "./schema.ts";

/** One second to one week. */
const SPAN = [1, 604_800] as const;

/** How engines are tried. */
export const CHECK_FLAGS = {
  title: "Checks of engines",
  flags: [
    {
      name: "static-backend-health-checks",
      type: "flag",
      help: "Try each engine with a request of one token for each type of its models; one that " +
        "does not answer it is gone around until it answers that, or another request",
    },
    {
      name: "static-backend-health-check-interval",
      type: "int",
      default: 60,
      range: SPAN,
      help: "Seconds between these requests",
    },
    {
      name: "static-backend-health-check-timeout-seconds",
      type: "int",
      default: 10,
      range: SPAN,
      help: "Seconds in which they must be answered",
    },
    {
      name: "static-model-types",
      type: "list",
      choices: MODEL_TYPES,
      help: "Type of each engine's model, in the order of --static-backends: what it is tried " +
        "with. Other prefill and decode engines are tried with completions",
    },
  ],
} as const satisfies FlagGroup;
