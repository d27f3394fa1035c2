/** One stream of those who read. It holds its place, and at most one timer. @module */
import type { Clock, Timer } from "../base/mod.ts";
import type { ByteSource } from "../request/mod.ts";

/** How far a reader is. */
export interface Place {
  /** The look that it was told of last; 0 for none. */
  looked: number;
  /** When that was, and how many requests had ended then. */
  atMs: number;
  ended: number;
  /** Requests that were known then. */
  told: number;
}

/** Where a reader has it from. */
export interface ReadFeed {
  readonly tell: (place: Place) => Uint8Array | Promise<Uint8Array>;
  readonly left: () => void;
}

/** Ends when it is cancelled. */
export class LiveReader implements ByteSource {
  readonly #clock: Clock;
  readonly #intervalMs: number;
  readonly #feed: ReadFeed;
  readonly #place: Place = { looked: 0, atMs: 0, ended: 0, told: 0 };
  #timer: Timer | undefined;
  #wake: (() => void) | undefined;
  #over = false;

  constructor(clock: Clock, intervalMs: number, feed: ReadFeed) {
    this.#clock = clock;
    this.#intervalMs = intervalMs;
    this.#feed = feed;
  }

  async read(): Promise<Uint8Array | undefined> {
    if (this.#over) return undefined;
    if (this.#place.looked > 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        this.#timer = this.#clock.after(this.#intervalMs, resolve);
      });
    }
    const told = this.#over ? undefined : await this.#feed.tell(this.#place);
    return this.#over ? undefined : told;
  }

  cancel(): void {
    if (this.#over) return;
    this.#over = true;
    this.#timer?.cancel();
    this.#wake?.();
    this.#feed.left();
  }
}
