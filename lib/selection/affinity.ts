/** An engine that has a prompt's beginning already, against what it has to do. @module */
import type { Candidate } from "./candidate.ts";
import { leastBy, requestsOf } from "./load.ts";
import type { Candidates } from "./policy.ts";
import { Shares } from "./shares.ts";

/** What a request that an engine works on costs a prompt that comes behind it, in prompt tokens. */
const REQUEST_TOKENS = 400;

/** What a request costs an engine besides computing its prompt, in prompt tokens. */
const ANSWER_TOKENS = 512;

/** An engine that has had so many times the mean of work of late gets nothing that another can do. */
const MOST = 1.5;

/** So much more than that it may have had: the first conversations of all are not torn apart. */
const SPARE_TOKENS = 8_192;

/** Tokens of a prompt that a candidate has, by itself and by its place in the list. */
type Held = (candidate: Candidate, at: number) => number;

/** Places prompts by what engines have of them, and evenly. */
export class Affinity {
  readonly #shares = new Shares();
  readonly #missCost: number;

  /**
   * @param missCost What a token of the prompt that an engine has to compute counts for against one
   * that others wait for there, at least 1: each that is computed twice takes room of a cache, too.
   */
  constructor(missCost: number) {
    this.#missCost = missCost;
  }

  /** Engines of which anything is kept. */
  get size(): number {
    return this.#shares.size;
  }

  /**
   * The candidate that would soonest have computed a prompt of `tokens`, of which each has `held`, given
   * its place in `from`. Those
   * are left out that have had far more than their share of late; among equals the one that had least
   * is taken.
   */
  pick(from: Candidates, tokens: number, held: Held): Candidate {
    const shares = this.#shares;
    const most = MOST * shares.total / Math.max(shares.size, from.length) +
      SPARE_TOKENS * shares.weight;
    let best: Candidate | undefined;
    let least = Infinity;
    let given = Infinity;
    for (let at = 0; at < from.length; at++) {
      const candidate = from[at];
      if (candidate === undefined) continue;
      const wait = (candidate.promptTokens ?? 0) + REQUEST_TOKENS * requestsOf(candidate);
      // What it holds need not be looked up where that cannot make it the best.
      if (wait > least) continue;
      const cost = this.#missCost * Math.max(0, tokens - held(candidate, at)) + wait;
      if (cost > least) continue;
      const share = shares.of(candidate.engine.id);
      if (share > most || (cost === least && share >= given)) continue;
      [best, least, given] = [candidate, cost, share];
    }
    // Each may have had more than it should of what others cannot do.
    return best ?? leastBy(from, ({ engine }) => shares.of(engine.id));
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
