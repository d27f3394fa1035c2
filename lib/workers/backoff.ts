/** How long it is waited before a worker is started again. @module */

const FIRST_MS = 100;
const LONGEST_MS = 10_000;

/** One that has lived so long was no failure of its start: the next is started as at first. */
const SETTLED_MS = 60_000;

/** For one worker's number. */
export class Backoff {
  #pauseMs = FIRST_MS;

  /** How long to wait after a worker that has lived `livedMs`, in milliseconds. */
  next(livedMs: number): number {
    if (livedMs >= SETTLED_MS) this.#pauseMs = FIRST_MS;
    const pauseMs = this.#pauseMs;
    this.#pauseMs = Math.min(LONGEST_MS, pauseMs * 2);
    return pauseMs;
  }
}
