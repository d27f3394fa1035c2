/** Whether messages arrive: a replica writes to itself through the broker, and sees how long that takes. @module */
import { type Clock, every, type Timer } from "../base/mod.ts";
import { MAX_NUMBER } from "./envelope.ts";

/** An echo is sent so often, in milliseconds. */
export const ECHO_MS = 1_000;

/** A broker from which no echo has come back for so long is lost, in milliseconds. */
export const DEAF_MS = 2_500;

/** What it is to do. */
export interface LifelineParts {
  readonly clock: Clock;
  /** Write `number` to oneself. */
  readonly send: (number: number) => void;
  /** Nothing comes back. */
  readonly onDeaf: () => void;
}

/** Over one connection, until it is disposed. */
export class Lifeline implements Disposable {
  readonly #parts: LifelineParts;
  readonly #timer: Timer;
  #number = 0;
  /** When the last was sent that came back, and those since. */
  readonly #sent = new Map<number, number>();
  #echoMs: number | undefined;

  constructor(parts: LifelineParts) {
    this.#parts = parts;
    this.#beat();
    this.#timer = every(parts.clock, ECHO_MS, () => this.#beat());
  }

  /** How long the last echo took, in milliseconds; undefined before the first. */
  get echoMs(): number | undefined {
    return this.#echoMs;
  }

  /** An echo has come back; one of another connection means nothing. */
  heard(number: number): void {
    const sentMs = this.#sent.get(number);
    if (sentMs === undefined) return;
    this.#echoMs = this.#parts.clock.now() - sentMs;
    for (const each of this.#sent.keys()) {
      this.#sent.delete(each);
      if (each === number) break;
    }
  }

  [Symbol.dispose](): void {
    this.#timer.cancel();
  }

  #beat(): void {
    const { clock, send, onDeaf } = this.#parts;
    const nowMs = clock.now();
    const [oldest] = this.#sent.values();
    // A router that stood still itself reads what has come before it looks again.
    if (oldest !== undefined && nowMs - oldest > DEAF_MS && this.#sent.size > 2) return onDeaf();
    this.#number = this.#number >= MAX_NUMBER ? 1 : this.#number + 1;
    this.#sent.set(this.#number, nowMs);
    send(this.#number);
  }
}
