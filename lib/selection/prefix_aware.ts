/** The engine that has met a prompt's beginning. @module */
import { Affinity } from "./affinity.ts";
import { leastLoaded } from "./least_loaded.ts";
import type { Policy } from "./policy.ts";
import { heldBy, meet, type PrefixRules } from "./prefix_held.ts";

/** Low, as what an engine has met may have gone from its cache. */
const MISS_COST = 1;

/**
 * The engine that would soonest have computed a prompt, the beginnings counted out that each has met
 * by this router's choice; what its cache has dropped meanwhile is not known. Without a prompt, the
 * least loaded one.
 */
export function prefixAware(rules: PrefixRules): Policy {
  const affinity = new Affinity(MISS_COST);
  const fallback = leastLoaded();
  return {
    reads: "chunks",
    pick(from, ask) {
      const { prompt } = ask;
      if (prompt === undefined) return fallback.pick(from, ask);
      const held = heldBy(rules, prompt);
      return affinity.pick(from, prompt.tokens, ({ engine }) => held(engine.id));
    },
    placed(id, prompt) {
      const held = meet(rules, id, prompt);
      affinity.placed(id, Math.max(0, prompt.tokens - held));
      return held;
    },
    held: (id, prompt) => heldBy(rules, prompt)(id),
    forget(id) {
      rules.index.forget(id);
      affinity.forget(id);
    },
  };
}
