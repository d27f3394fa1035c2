/**
 * Flags of the production-stack router that have no effect here: known, so that a start with them
 * is accepted where that is harmless and refused by name where it is not. `flags_reasons.ts` says why.
 * @module
 */
import type { Flag } from "./flag.ts";
import { LMCACHE_CONTROLLER_FLAGS } from "./flags_kv_events.ts";
import { OBSERVER_FLAGS } from "./flags_observers.ts";

/** Accepted and checked; without effect. */
export const COMPATIBILITY_FLAGS = [
  ...LMCACHE_CONTROLLER_FLAGS,
  ...OBSERVER_FLAGS,
] as const satisfies readonly Flag[];

/** Known; any value but the default ends the start. */
export const UNSUPPORTED_FLAGS: readonly Flag[] = [
  unsupported("k8s-service-discovery-type", "string", "Kubernetes discovery: by pod or service"),
  unsupported("k8s-port", "int", "Kubernetes discovery: port of engines", 8000),
  unsupported("k8s-namespace", "string", "Kubernetes discovery: namespace", "default"),
  unsupported("k8s-label-selector", "string", "Kubernetes discovery: label selector", ""),
  unsupported("k8s-watcher-timeout-seconds", "int", "Kubernetes discovery: watch timeout", 0),
  unsupported("backend-health-check-timeout-seconds", "int", "Kubernetes discovery: timeout", 10),
];

function unsupported(
  name: string,
  type: Flag["type"],
  help: string,
  byDefault?: string | number,
): Flag {
  const flag = { name, type, help, status: "unsupported" } as const;
  return byDefault === undefined ? flag : { ...flag, default: byDefault };
}
