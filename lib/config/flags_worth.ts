/** Flags that say when a handoff does not pay. @module */
import type { Flag, FlagGroup } from "./flag.ts";

/** When one engine serves what could be handed off. */
export const WORTH_FLAGS = {
  title: "Whether a handoff pays",
  flags: [
    {
      name: "disagg-min-prompt-tokens",
      type: "int",
      default: 0,
      range: [0, 2 ** 31 - 1],
      help: "Prompts of which the engine that would serve alone has to compute fewer tokens are " +
        "not handed off; 0 hands off all. From how many on it pays depends on the engines and on " +
        "the network between them",
    },
    {
      name: "disagg-max-prefill-queue",
      type: "int",
      default: 0,
      range: [0, 2 ** 31 - 1],
      help: "Nothing is handed off while each prefill engine of the model has more requests than " +
        "this; 0 hands off whatever they have",
    },
    {
      name: "allow-route-header",
      type: "flag",
      help: "Clients may say how they are served: x-pd-route: direct or handoff. Engines never " +
        "see that field",
    },
  ],
} as const satisfies FlagGroup & { readonly flags: readonly Flag[] };
