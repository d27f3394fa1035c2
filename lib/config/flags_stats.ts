/** Flags of what is measured, and how often. @module */
import type { Flag } from "./flag.ts";

/** At least one second. */
const SECONDS = [1, 2 ** 31 - 1] as const;

/** The load of engines, and of this router's requests at them. */
export const STATS_FLAGS = [
  {
    name: "engine-stats-interval",
    type: "int",
    default: 30,
    range: SECONDS,
    help:
      "Seconds between two readings of an engine's /metrics: what it has to do, which choices " +
      "and the router's own metrics go by",
  },
  {
    name: "request-stats-window",
    type: "int",
    default: 60,
    range: SECONDS,
    help: "Seconds over which requests in a second, latency and the like are taken for each engine",
  },
  {
    name: "log-stats",
    type: "flag",
    help: "Write each engine's load, and what requests at it are like, to the log at intervals",
  },
  {
    name: "log-stats-interval",
    type: "int",
    default: 10,
    range: SECONDS,
    help: "Seconds between these lines",
  },
] as const satisfies readonly Flag[];
