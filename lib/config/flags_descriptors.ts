/** Flags of what the process may have open. @module */
import type { FlagGroup } from "./flag.ts";

/** Descriptors, which bound connections. */
export const DESCRIPTOR_FLAGS = {
  title: "Descriptors",
  flags: [
    {
      name: "max-open-files",
      type: "int",
      default: 0,
      range: [0, 2 ** 31 - 1],
      help: "File descriptors that the process may have, which bound connections; the compiled " +
        "program and the tasks of a checkout find out and say so; 0 when it is not known",
    },
  ],
} as const satisfies FlagGroup;
