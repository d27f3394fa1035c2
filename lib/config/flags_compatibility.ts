/**
 * Flags of the production-stack router that have no effect here: known, so that a start with them is
 * accepted. `flags_reasons.ts` says why.
 * @module
 */
import type { Flag } from "./flag.ts";
import { LMCACHE_CONTROLLER_FLAGS } from "./flags_kv_events.ts";
import { OBSERVER_FLAGS } from "./flags_observers.ts";

/** Accepted and checked; without effect. */
export const COMPATIBILITY_FLAGS = [
  ...LMCACHE_CONTROLLER_FLAGS,
  ...OBSERVER_FLAGS,
  {
    name: "backend-health-check-timeout-seconds",
    type: "int",
    default: 10,
    range: [0, 2 ** 31 - 1],
    help: "Kubernetes discovery: longest wait of its questions to engines",
    status: "without-effect",
  },
] as const satisfies readonly Flag[];
