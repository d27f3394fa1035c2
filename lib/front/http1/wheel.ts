/**
 * Time limits of many connections, looked after by one timer.
 *
 * A limit is moved with every read and write and hardly ever reached: to set one only stores a
 * number, and all are looked at together a few times within the shortest.
 * @module
 */
import type { Clock, Timer } from "../../base/mod.ts";

/** Looks within the shortest limit, and the bounds of the time between two, in milliseconds. */
const LOOKS = 8;
const SHORTEST_PERIOD_MS = 5;
const LONGEST_PERIOD_MS = 1_000;

/** Calls back limits that have passed; has no timer while it has no members. */
export class Wheel implements Disposable {
  readonly #clock: Clock;
  readonly #periodMs: number;
  readonly #limits = new Set<Limit>();
  #timer: Timer | undefined;
  #looks = 0;

  /** For limits of which none is shorter than `shortestMs`; each ends two periods late at most. */
  constructor(clock: Clock, shortestMs: number) {
    this.#clock = clock;
    const period = Math.ceil(shortestMs / LOOKS);
    this.#periodMs = Math.min(Math.max(period, SHORTEST_PERIOD_MS), LONGEST_PERIOD_MS);
  }

  /** The time between two looks, in milliseconds. */
  get periodMs(): number {
    return this.#periodMs;
  }

  /** How often it has looked: a coarse measure of time, while there are limits. */
  get looks(): number {
    return this.#looks;
  }

  /** A limit that calls back each time it passes; not set yet. Dispose it. */
  limit(onPassed: () => void): Limit {
    const limit = new Limit(this, onPassed);
    this.#limits.add(limit);
    this.#timer ??= this.#arm();
    return limit;
  }

  /** The look at which a wait of `limitMs` that begins here is over for certain. */
  lookAfter(limitMs: number): number {
    return this.#looks + Math.ceil(limitMs / this.#periodMs) + 1;
  }

  /** Forget a limit. */
  remove(limit: Limit): void {
    this.#limits.delete(limit);
    if (this.#limits.size === 0) this[Symbol.dispose]();
  }

  /** No timer left, until there is another limit. */
  [Symbol.dispose](): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #arm(): Timer {
    return this.#clock.after(this.#periodMs, () => this.#look());
  }

  #look(): void {
    this.#looks++;
    this.#timer = this.#arm();
    for (const limit of this.#limits) limit.look(this.#looks);
  }
}

/** One wait at a time. */
export class Limit implements Disposable {
  readonly #wheel: Wheel;
  readonly #onPassed: () => void;
  #at = Infinity;

  /** Made by {@linkcode Wheel.limit}. */
  constructor(wheel: Wheel, onPassed: () => void) {
    this.#wheel = wheel;
    this.#onPassed = onPassed;
  }

  /** Pass in `limitMs` milliseconds, in place of any limit set before. */
  set(limitMs: number): void {
    this.#at = this.#wheel.lookAfter(limitMs);
  }

  /** No limit until the next `set`. */
  clear(): void {
    this.#at = Infinity;
  }

  /** See whether it has passed by the look of that number. */
  look(looks: number): void {
    if (looks < this.#at) return;
    this.#at = Infinity;
    this.#onPassed();
  }

  [Symbol.dispose](): void {
    this.#at = Infinity;
    this.#wheel.remove(this);
  }
}
