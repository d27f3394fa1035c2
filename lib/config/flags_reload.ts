/** Flags that say how changed files are found. @module */
import type { FlagGroup } from "./flag.ts";

/** Files that are read again. */
export const RELOAD_FLAGS = {
  title: "Changed files",
  flags: [
    {
      name: "reload-interval",
      type: "seconds",
      default: 5,
      range: [0, 3_600],
      help: "Seconds between looks at the files of --config, --dynamic-config-yaml or " +
        "--dynamic-config-json, and --external-providers-config: what has changed is taken while " +
        "the router serves. 0: on SIGHUP alone",
    },
  ],
} as const satisfies FlagGroup;
