/** Flags that say how engines are chosen. @module */
import type { Flag, FlagGroup } from "./flag.ts";
import { POLICY_NAMES, ROUTING_POLICIES } from "./policy_names.ts";

const SIDE = "power_of_two when not given, session with --session-key, roundrobin with " +
  "disaggregated_prefill_orchestrated";

/** How the engines of handoffs are chosen, and what policies go by. */
export const POLICY_FLAGS = {
  title: "Routing",
  flags: [
    {
      name: "routing-logic",
      type: "string",
      choices: [
        ...ROUTING_POLICIES,
        "disaggregated_prefill",
        "disaggregated_prefill_orchestrated",
      ],
      help: "How engines are chosen; required without --prefill and --decode. Handoffs: see " +
        "--prefill-policy and --decode-policy",
    },
    {
      name: "session-key",
      type: "string",
      help: "Header or body field that names the session; required with session",
    },
    {
      name: "prefill-policy",
      type: "string",
      choices: POLICY_NAMES,
      help: `How the prefill engine of a handoff is chosen; ${SIDE}`,
    },
    {
      name: "decode-policy",
      type: "string",
      choices: POLICY_NAMES,
      help:
        "How the decode engine of a handoff is chosen, and the engine of a request that takes " +
        `none; ${SIDE}`,
    },
    {
      name: "prefix-min-match-length",
      type: "int",
      default: 0,
      range: [0, 2 ** 31 - 1],
      help: "prefixaware: a shorter match, in characters, counts for nothing",
    },
    {
      name: "prefix-index-bytes",
      type: "int",
      default: 64 * 1024 * 1024,
      range: [1024 * 1024, 2 ** 36],
      help:
        "prefixaware, pair_score: size of the index of prompts, in bytes, for all sides together",
    },
    {
      name: "kv-aware-threshold",
      type: "int",
      default: 2000,
      range: [0, 2 ** 31 - 1],
      help:
        "kvaware: where all engines lack more tokens of a prompt than this, its session decides, " +
        "or the load",
    },
    {
      name: "topology-levels",
      type: "list",
      default: "zone,rack,nvlink",
      help:
        "pair_score: topology labels of engines, the widest first; pairs that have more of them " +
        "in common are nearer",
    },
  ],
} as const satisfies FlagGroup & { readonly flags: readonly Flag[] };
