/** Flags of engines that can be on either side of handoffs. @module */
import type { Flag, FlagGroup } from "./flag.ts";

/** How such engines are moved. */
export const ELASTIC_FLAGS = {
  title: "Elastic roles",
  flags: [
    {
      name: "both",
      type: "specs",
      help: "An engine that can prefill and decode (vLLM's kv_role kv_both), and is on the side " +
        "that has more to do: 'URL;model=M', likewise; kv_protocol nixl or shared_storage. " +
        "Repeatable. Implies --kv-protocol nixl where nothing else is said",
    },
    {
      name: "elastic-interval",
      type: "seconds",
      default: 30,
      range: [1, 604_800],
      help: "Of a model's engines at most one changes its side in this time",
    },
    {
      name: "elastic-min-prefill",
      type: "int",
      default: 1,
      range: [0, 65_536],
      help: "Engines of a model that stay on the prefill side",
    },
    {
      name: "elastic-min-decode",
      type: "int",
      default: 1,
      range: [1, 65_536],
      help: "Engines of a model that stay on the decode side; they come first where there are " +
        "too few for both",
    },
  ],
} as const satisfies FlagGroup & { readonly flags: readonly Flag[] };
