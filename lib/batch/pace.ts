/** How fast a batch goes: slower where there is no room for its requests, and on after a pause. Pure. @module */

/** Pauses, in milliseconds. */
const LEAST_MS = 500;
const MOST_MS = 30_000;

/** Longest pause that an answer may ask for. */
const MOST_ASKED_MS = 60_000;

/** Requests at once, and pauses, by what becomes of requests. */
export class Pace {
  readonly #most: number;
  #window: number;
  #pauseMs = LEAST_MS;
  #until = 0;

  /** `most`: requests at once where there is room for all. */
  constructor(most: number) {
    this.#most = most;
    this.#window = most;
  }

  /** Requests at once. */
  get window(): number {
    return Math.max(1, Math.floor(this.#window));
  }

  /** How long nothing is to be asked from `now` on, in milliseconds. */
  waitMs(now: number): number {
    return Math.max(0, this.#until - now);
  }

  /** A request was answered. */
  answered(): void {
    this.#pauseMs = LEAST_MS;
    this.#window = Math.min(this.#most, this.#window + 1 / this.#window);
  }

  /**
   * There was no room for a request. Those that hear so in one pause have slowed it down once;
   * `chance`, in [0, 1), keeps batches from coming back together.
   */
  refused(now: number, chance: number, askedMs = 0): void {
    if (now < this.#until) return;
    this.#window = Math.max(1, this.#window / 2);
    const ownMs = this.#pauseMs * (0.5 + chance / 2);
    this.#until = now + Math.max(ownMs, Math.min(askedMs, MOST_ASKED_MS));
    this.#pauseMs = Math.min(2 * this.#pauseMs, MOST_MS);
  }
}
