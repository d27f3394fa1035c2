/** Many waits with one limit, looked after by one timer. @module */
import { type Clock, every, type Timer } from "../base/mod.ts";

/** One wait among many. */
export interface IdleWatch extends Disposable {
  /** The wait begins, or begins anew. */
  arm(): void;
  /** It is over; another may begin. */
  disarm(): void;
}

/** Looks at its waits so many times within their limit: how much later than that one may end. */
const LOOKS = 8;

/** Ends waits that take too long; costs nothing while there are none. */
export class IdleWheel implements Disposable {
  readonly #clock: Clock;
  readonly #limitMs: number;
  readonly #waits = new Map<() => void, number>();
  #timer: Timer | undefined;

  /** A wait ends between `limitMs` and an eighth more after it was armed. */
  constructor(clock: Clock, limitMs: number) {
    this.#clock = clock;
    this.#limitMs = limitMs;
  }

  /** Waits that are armed. */
  get size(): number {
    return this.#waits.size;
  }

  /** A wait that calls `tooLong`, once for each time it was armed; not armed yet. */
  watch(tooLong: () => void): IdleWatch {
    const expire = (): void => tooLong();
    const disarm = (): void => this.#disarm(expire);
    return { arm: () => this.#arm(expire), disarm, [Symbol.dispose]: disarm };
  }

  [Symbol.dispose](): void {
    this.#waits.clear();
    this.#rest();
  }

  #arm(expire: () => void): void {
    // At the end, behind all that were armed before.
    this.#waits.delete(expire);
    this.#waits.set(expire, this.#clock.now());
    this.#timer ??= every(this.#clock, Math.ceil(this.#limitMs / LOOKS), () => this.#look());
  }

  #disarm(expire: () => void): void {
    this.#waits.delete(expire);
  }

  #look(): void {
    const now = this.#clock.now();
    for (const [expire, since] of this.#waits) {
      if (now - since < this.#limitMs) break;
      this.#waits.delete(expire);
      expire();
    }
    if (this.#waits.size === 0) this.#rest();
  }

  #rest(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}
