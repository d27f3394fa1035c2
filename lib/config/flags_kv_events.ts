/** Flags of KV events, and of the LMCache controller that the production-stack router asks instead. @module */
import type { Flag, FlagGroup } from "./flag.ts";

const PORT = [1, 65_535] as const;

/** How engines' KV events are followed. */
export const KV_EVENT_FLAGS = {
  title: "KV events of engines (kvaware)",
  flags: [
    {
      name: "kv-events-port",
      type: "int",
      default: 5557,
      range: PORT,
      help:
        "Where each engine's host publishes KV events, with kvaware: the port of `endpoint` in " +
        "vLLM's --kv-events-config, for engines that do not say (kv_events)",
    },
    {
      name: "kv-events-replay-port",
      type: "int",
      range: PORT,
      help:
        "Where they are told again, the port of vLLM's `replay_endpoint`; without it, what an " +
        "engine has cached before the router came, or while it was not connected, is unknown",
    },
    {
      name: "kv-index-bytes",
      type: "int",
      default: 256 * 1024 * 1024,
      range: [1024 * 1024, 2 ** 36],
      help: "Size of the index of cached blocks, in bytes, some 80 for each block that an engine " +
        "has; what was used longest ago makes way",
    },
  ],
} as const satisfies FlagGroup;

/** Accepted; kvaware goes by KV events, for which nobody need be asked. */
export const LMCACHE_CONTROLLER_FLAGS = [
  {
    name: "lmcache-controller-port",
    type: "int",
    default: 9000,
    range: PORT,
    help: "LMCache controller: not asked, kvaware goes by the KV events of engines",
    status: "without-effect",
  },
  {
    name: "lmcache-controller-reply-port",
    type: "int",
    range: PORT,
    help: "LMCache controller: reply port",
    status: "without-effect",
  },
  {
    name: "lmcache-controller-heartbeat-port",
    type: "int",
    range: PORT,
    help: "LMCache controller: heartbeat port",
    status: "without-effect",
  },
  {
    name: "lmcache-health-check-interval",
    type: "int",
    default: 5,
    range: [0, 2 ** 31 - 1],
    help: "LMCache controller: health checks of its workers",
    status: "without-effect",
  },
  {
    name: "lmcache-worker-timeout",
    type: "int",
    default: 30,
    range: [0, 2 ** 31 - 1],
    help: "LMCache controller: time-out of its workers",
    status: "without-effect",
  },
] as const satisfies readonly Flag[];
