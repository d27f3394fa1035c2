/** An engine that has a prompt's beginning already, against what it has to do. @module */
import type { Candidate } from "./candidate.ts";
import { requestsAt } from "./engine_stats.ts";
import type { Candidates } from "./policy.ts";
import { Shares } from "./shares.ts";

/** What a request that an engine works on costs a prompt that comes behind it, in prompt tokens. */
const REQUEST_TOKENS = 96;

/** What a request costs an engine besides computing its prompt, in prompt tokens. */
const ANSWER_TOKENS = 512;

/** An engine with so many times the mean share of work gets nothing that another can do. */
const MOST = 1.15;

/** Places prompts by what engines have of them, and evenly. */
export class Affinity {
  readonly #shares = new Shares();

  /** Engines of which anything is kept. */
  get size(): number {
    return this.#shares.size;
  }

  /**
   * The candidate that would soonest have computed a prompt of `tokens`, of which each has `held`. Those
   * are left out that have had far more than their share of late; among equals the one that had least
   * is taken.
   */
  pick(from: Candidates, tokens: number, held: (candidate: Candidate) => number): Candidate {
    let sum = 0;
    for (const { engine } of from) sum += this.#shares.of(engine.id);
    const mean = sum / from.length;
    let [best] = from;
    let least = Infinity;
    let given = Infinity;
    for (const candidate of from) {
      const share = this.#shares.of(candidate.engine.id);
      if (share > MOST * mean) continue;
      const wait = (candidate.promptTokens ?? 0) + REQUEST_TOKENS * requestsAt(candidate);
      const cost = Math.max(0, tokens - held(candidate)) + wait;
      if (cost > least || (cost === least && share >= given)) continue;
      [best, least, given] = [candidate, cost, share];
    }
    return best;
  }

  /** The engine `id` gets a prompt of which it has to compute `tokens`. */
  placed(id: string, tokens: number): void {
    this.#shares.give(id, tokens + ANSWER_TOKENS);
  }

  /** Nothing of the engine is kept. */
  forget(id: string): void {
    this.#shares.forget(id);
  }
}
