/** The one queue before the engines: bounded, fair, and each wait in it has an end. @module */
import type { AbortWatch, Clock, Timer } from "../base/mod.ts";
import { FairLine, type Standing } from "./fair_line.ts";

/** Why somebody gets nothing, as a metric label. */
export type QueueRefusal =
  /** As many wait as may. */
  | "full"
  /** Nothing came in time. */
  | "timeout"
  /** The router takes no more requests. */
  | "draining";

/** How a wait ended. */
export type QueueEnd =
  | { readonly kind: "served" }
  /** Its client has gone, or its time is up. */
  | { readonly kind: "left" }
  | {
    readonly kind: "refused";
    readonly why: QueueRefusal;
    /** Others wait too, and fewer of theirs: what is used up is the share of its key. */
    readonly ownShare: boolean;
  };

/** Somebody who waits. */
export interface Asker extends Standing {
  /** Whoever has not this goes before it, and is not in its way where the queue is full. */
  readonly behind?: true | undefined;
  /** The model asked for: what happens to engines of others is none of its business. */
  readonly model: string;
  /** Take what it waits for; false where there is none at this moment. Must not throw. */
  readonly take: () => boolean;
  /** Aborts when it waits no more. */
  readonly signal: AbortWatch;
  /** Told where there is nothing to take at once. */
  readonly onWaiting: () => void;
}

/** What bounds a queue. */
export interface QueueOptions {
  readonly clock: Clock;
  /** Who may wait at a time; 0 for nobody. */
  readonly size: number;
  /** How long each may. */
  readonly timeoutMs: number;
  /**
   * Whether others than those in the queue wait for `model`, before whom nobody goes who goes behind.
   * @default () => false
   */
  readonly awaited?: ((model: string) => boolean) | undefined;
  /**
   * Told when the first waits for a model; of those who go behind others, nothing is told.
   * @default nobody
   */
  readonly onFirst?: (() => void) | undefined;
}

interface Waiter {
  readonly asker: Asker;
  readonly end: (end: QueueEnd) => void;
}

/** Nobody in it is looked at but when something happens. */
export class AdmissionQueue {
  readonly #options: QueueOptions;
  readonly #line = new FairLine<Waiter>();
  /** Those who go behind everybody in the line; whoever sends them bounds how many they are. */
  readonly #behind = new FairLine<Waiter>();
  /** How many wait for each model, but for those who go behind them. */
  readonly #models = new Map<string, number>();
  #closed = false;
  #serving = false;
  #again = false;

  constructor(options: QueueOptions) {
    this.#options = options;
  }

  /** How many wait, but for those who go behind them. */
  get length(): number {
    return this.#line.length;
  }

  /** Whether anybody waits for one of `models`, but for those who go behind others. */
  awaits(models: readonly string[]): boolean {
    return this.#line.length > 0 && models.some((model) => this.#models.has(model));
  }

  /** Whether anybody waits who goes before somebody, who goes behind others or not. */
  anybody(behind = false): boolean {
    return this.#line.length > 0 || (behind && this.#behind.length > 0);
  }

  /** Whether anybody waits in `lane`, whom others of it, be they behind them, must not overtake. */
  has(lane: string, behind = false): boolean {
    return this.#line.has(lane) || (behind && this.#behind.has(lane));
  }

  /**
   * Wait until `asker` is served. Where the queue is full and another key has more in it, that key's
   * last makes way.
   */
  wait(asker: Asker): Promise<QueueEnd> {
    const { promise, resolve } = Promise.withResolvers<QueueEnd>();
    if (asker.signal.aborted) resolve({ kind: "left" });
    else if (this.#closed) resolve({ kind: "refused", why: "draining", ownShare: false });
    else if (asker.behind !== true && !this.#makeWay(asker.key)) {
      resolve({ kind: "refused", why: "full", ownShare: this.#line.keys > 1 });
    } else this.#enter(asker, resolve);
    return promise;
  }

  /** Something has happened that may serve those who ask for one of `models`, or for any. */
  serve(models?: readonly string[]): void {
    if (!this.anybody(true)) return;
    // What is told while offers are made is seen to behind them.
    if (this.#serving) {
      this.#again = true;
      return;
    }
    this.#serving = true;
    try {
      this.#serveLine(models);
      while (this.#again) {
        this.#again = false;
        this.#serveLine();
      }
    } finally {
      this.#serving = false;
      this.#again = false;
    }
  }

  /** Everybody is refused from here on. */
  close(): void {
    this.#closed = true;
    for (const line of [this.#line, this.#behind]) {
      for (let last = line.lastOfLongest(); last !== undefined; last = line.lastOfLongest()) {
        last.item.end({ kind: "refused", why: "draining", ownShare: false });
      }
    }
  }

  #serveLine(models?: readonly string[]): void {
    const accepts = ({ asker, end }: Waiter): boolean => {
      const took = asker.take();
      if (took) end({ kind: "served" });
      return took;
    };
    const concerned = ({ asker: { model } }: Waiter): boolean =>
      models === undefined || models.includes(model);
    this.#line.serve(accepts, concerned);
    this.#behind.serve(
      accepts,
      (waiter) =>
        concerned(waiter) && !this.#line.has(waiter.asker.lane) &&
        this.#options.awaited?.(waiter.asker.model) !== true,
    );
  }

  #enter(asker: Asker, resolve: (end: QueueEnd) => void): void {
    const { clock, timeoutMs, onFirst } = this.#options;
    const line = asker.behind === true ? this.#behind : this.#line;
    const end = (how: QueueEnd): void => {
      if (line.remove(waiter) && line === this.#line) this.#count(asker.model, -1);
      timer.cancel();
      asker.signal.removeEventListener("abort", leave);
      resolve(how);
    };
    const leave = (): void => {
      end({ kind: "left" });
      // Who stood behind it may be able to go.
      this.serve([asker.model]);
    };
    const waiter: Waiter = { asker, end };
    const timer: Timer = clock.after(timeoutMs, () => {
      const ownShare = line === this.#line && this.#isAhead(asker.key);
      end({ kind: "refused", why: "timeout", ownShare });
      this.serve([asker.model]);
    });
    asker.signal.addEventListener("abort", leave, { once: true });
    line.add(waiter, asker);
    if (line === this.#line) this.#count(asker.model, 1);
    this.serve([asker.model]);
    if (!line.holds(waiter)) return;
    asker.onWaiting();
    if (line === this.#line && this.#models.get(asker.model) === 1) onFirst?.();
  }

  #count(model: string, more: number): void {
    const count = (this.#models.get(model) ?? 0) + more;
    if (count === 0) this.#models.delete(model);
    else this.#models.set(model, count);
  }

  /** Whether there is a place for one more of `key`, be it another's. */
  #makeWay(key: string): boolean {
    const { size } = this.#options;
    if (this.#line.length < size) return true;
    const longest = this.#line.lastOfLongest();
    if (size === 0 || longest === undefined || longest.count <= this.#line.of(key) + 1) {
      return false;
    }
    longest.item.end({ kind: "refused", why: "full", ownShare: true });
    return true;
  }

  /** Whether `key` has more of the line than each has on the average. */
  #isAhead(key: string): boolean {
    const { length, keys } = this.#line;
    return keys > 1 && this.#line.of(key) > length / keys;
  }
}
