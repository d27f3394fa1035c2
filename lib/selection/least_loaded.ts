/** The engine that has least to do. @module */
import { leastBy, loadOf } from "./load.ts";
import type { Policy } from "./policy.ts";

/** The engine with the least load, as far as it and this router tell; the first by URL among equals. */
export function leastLoaded(): Policy {
  return { pick: (from) => leastBy(from, loadOf) };
}
