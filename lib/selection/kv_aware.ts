/** The engine that holds a prompt's KV, as KV events tell. @module */
import { Affinity } from "./affinity.ts";
import type { Policy } from "./policy.ts";

/** When what engines hold decides. */
export interface KvAwareRules {
  /** Tokens that the engine with most of a prompt may lack of it. */
  readonly threshold: number;
  /** For requests with a session of which no engine holds enough. */
  readonly sessions: Policy;
}

/** What a token counts for where engines hold too little to decide. */
const FEW = 1 / 16;

/** High, as what an engine has is known. */
const MISS_COST = 4;

/**
 * The engine that would soonest have computed a prompt, the KV counted out that each holds, where one
 * lacks no more than `threshold` tokens of it; else the session decides, or the load.
 */
export function kvAware({ threshold, sessions }: KvAwareRules): Policy {
  const affinity = new Affinity(MISS_COST);
  // What each of those to choose among holds, looked up once a choice. As long as the longest list.
  const held: number[] = [];
  return {
    reads: "cached",
    pick(from, ask) {
      const { prompt, session } = ask;
      const tokens = prompt?.tokens ?? 0;
      let most = 0;
      let at = 0;
      for (const { engine } of from) {
        const count = prompt?.cachedAt(engine.id) ?? 0;
        held[at++] = count;
        if (count > most) most = count;
      }
      if (most > 0 && most >= tokens - threshold) {
        return affinity.pick(from, tokens, (_, at) => held[at] ?? 0);
      }
      if (session !== undefined) return sessions.pick(from, ask);
      // By load: what engines hold decides among those that are nearly as loaded.
      return affinity.pick(from, FEW * tokens, (_, at) => FEW * (held[at] ?? 0));
    },
    placed(id, prompt) {
      const held = Math.min(prompt.tokens, prompt.cachedAt(id) ?? 0);
      affinity.placed(id, prompt.tokens - held);
      return held;
    },
    forget(id) {
      sessions.forget?.(id);
      affinity.forget(id);
    },
  };
}
