/** How far engines are from one another, by the labels of their places. Pure. @module */
import type { Engine } from "../base/mod.ts";

/**
 * Levels of `levels`, the widest first, that two engines do not have in common: all from the first on
 * in which they differ. A label that neither has is one they have in common.
 */
export function distanceOf(
  one: Pick<Engine, "topology">,
  other: Pick<Engine, "topology">,
  levels: readonly string[],
): number {
  if (one.topology === undefined && other.topology === undefined) return 0;
  const differs = levels.findIndex((level) => one.topology?.[level] !== other.topology?.[level]);
  return differs < 0 ? 0 : levels.length - differs;
}
