/** Flags of models that others serve. @module */
import type { FlagGroup } from "./flag.ts";

/** Providers beside the router's own engines. */
export const PROVIDER_FLAGS = {
  title: "External providers",
  flags: [
    {
      name: "external-providers-config",
      type: "file",
      help: "YAML or JSON file of providers such as OpenAI, their models and keys; requests for " +
        "these models leave to them",
    },
  ],
} as const satisfies FlagGroup;
