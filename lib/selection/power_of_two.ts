/** Two engines by chance, and of them the one that has less to do. @module */
import type { Random } from "../base/mod.ts";
import { leastBy, loadOf } from "./load.ts";
import type { Policy } from "./policy.ts";

/**
 * The less loaded of two different engines drawn by chance: nearly as even as the least loaded of all,
 * and routers that know nothing of each other do not all find the same one. Later attempts draw
 * nothing and take the least loaded.
 */
export function powerOfTwo(random: Random): Policy {
  return {
    pick(from, { attempt }) {
      if (attempt > 1) return leastBy(from, loadOf);
      const { length } = from;
      if (length === 1) return from[0];
      const first = Math.floor(random.next() * length);
      const behind = 1 + Math.floor(random.next() * (length - 1));
      const one = from[first] ?? from[0];
      const other = from[(first + behind) % length] ?? from[0];
      return loadOf(other) < loadOf(one) ? other : one;
    },
  };
}
