/** Engines that have come of late: they get less than their share of requests, and ever more of it. @module */
import { hash32 } from "../base/mod.ts";
import type { Candidate } from "./candidate.ts";
import type { Candidates } from "./policy.ts";
import { isSome } from "./standing.ts";

/** What engines get of the share that they would have, at the beginning. */
const LEAST = 0.1;

/** Requests that one may be owed, and may have had before they were: what a burst can be. */
const MOST_OWED = 2;

/** Keeps candidates that are starting out of choices, so often that each has its share. */
export interface Sieve {
  /**
   * Those of `from` that are to be chosen among; all of them where nobody would be left. With a `session`,
   * it decides which engines are left out: then a session that has met an engine meets it again.
   * `keep`: never left out.
   */
  sift(from: Candidates, session: string | undefined, keep?: string): Candidates;
  /** The engine `id` was chosen. */
  took(id: string): void;
}

/** One engine that is starting. */
interface Starting {
  readonly sinceMs: number;
  /** Requests that it should have had, beyond those that it has. */
  owed: number;
  /** It was looked at among others since it was chosen last. */
  looked: boolean;
}

/** What share of its requests an engine gets that began `sinceMs` ago, of `ms` in all. From `LEAST` to 1. */
export function shareAfter(sinceMs: number, ms: number): number {
  return ms <= 0 ? 1 : Math.min(1, Math.max(LEAST, sinceMs / ms));
}

/**
 * Counts, for each engine that is starting, how many requests it should have had: of each choice it could
 * be made in, its weight against that of the others, which is 1 for those that have started. It is a
 * candidate while it is owed one. So it has the same share whatever the policy is, and one that would
 * find it the best of all, having nothing to do, does not fill it at once.
 */
export class SlowStart implements Sieve {
  readonly #ms: number;
  readonly #starting = new Map<string, Starting>();
  #nowMs = 0;

  /** `ms`: from an engine's coming until it has all of its share, in milliseconds; 0: at once. */
  constructor(ms: number) {
    this.#ms = ms;
  }

  /** Engines that are starting. */
  get size(): number {
    return this.#starting.size;
  }

  /** The engine `id` begins, or begins anew; false where engines have their share at once. */
  begin(id: string, nowMs: number): boolean {
    if (this.#ms <= 0) return false;
    this.#starting.set(id, { sinceMs: nowMs, owed: 0, looked: false });
    return true;
  }

  /** It has started, or has gone. */
  end(id: string): void {
    this.#starting.delete(id);
  }

  /** What it gets of its share; 1 where it is not starting. */
  shareOf(id: string, nowMs: number): number {
    const starting = this.#starting.get(id);
    return starting === undefined ? 1 : shareAfter(nowMs - starting.sinceMs, this.#ms);
  }

  /** For a choice at this moment; undefined while nobody starts. */
  at(nowMs: number): Sieve | undefined {
    if (this.#starting.size === 0) return undefined;
    this.#nowMs = nowMs;
    return this;
  }

  sift(from: Candidates, session: string | undefined, keep?: string): Candidates {
    if (from.length === 1 || !from.some(({ engine: { id } }) => this.#starting.has(id))) {
      return from;
    }
    const passes = session === undefined
      ? this.#owedIn(from)
      : ({ engine: { id } }: Candidate) =>
        hash32(`${session} ${id}`) / 2 ** 32 < this.shareOf(id, this.#nowMs);
    const left = from.filter((one) => one.engine.id === keep || passes(one));
    return isSome(left) ? left : session === undefined ? this.#mostOwed(from) : from;
  }

  took(id: string): void {
    const starting = this.#starting.get(id);
    if (starting?.looked !== true) return;
    starting.owed = Math.max(-MOST_OWED, starting.owed - 1);
    starting.looked = false;
  }

  /** Reckon what those of `from` are owed with this choice; who may be chosen by it. */
  #owedIn(from: Candidates): (candidate: Candidate) => boolean {
    let weights = 0;
    for (const { engine: { id } } of from) weights += this.shareOf(id, this.#nowMs);
    for (const { engine: { id } } of from) {
      const starting = this.#starting.get(id);
      if (starting === undefined) continue;
      const due = this.shareOf(id, this.#nowMs) / weights;
      starting.owed = Math.min(MOST_OWED, starting.owed + due);
      starting.looked = true;
    }
    return ({ engine: { id } }) => (this.#starting.get(id)?.owed ?? 1) >= 1;
  }

  /** Where all are starting and none is owed a whole request: those that are owed about as much as any. */
  #mostOwed(from: Candidates): Candidates {
    const owed = ({ engine: { id } }: Candidate): number => this.#starting.get(id)?.owed ?? 0;
    const most = Math.max(...from.map(owed));
    const left = from.filter((one) => owed(one) > most - 1);
    return isSome(left) ? left : from;
  }
}
