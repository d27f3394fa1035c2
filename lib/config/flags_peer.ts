/** Flags that the production-stack router has, and that are taken over as it has them. @module */
import type { FlagGroup } from "./flag.ts";

/** Its file of defaults, and its switches for experiments. */
export const PEER_FLAGS = {
  title: "Taken over from the production-stack router",
  flags: [
    {
      name: "dynamic-config-yaml",
      type: "file",
      help: "YAML file of defaults in that router's schema, below flags, variables and --config; " +
        "looked at again every --reload-interval seconds",
    },
    { name: "dynamic-config-json", type: "file", help: "The same as JSON; one of the two" },
    {
      name: "feature-gates",
      type: "string",
      default: "",
      help: "That router's experiments, NAME=true,...: SemanticCache has no effect, PIIDetection " +
        "is refused",
    },
  ],
} as const satisfies FlagGroup;
