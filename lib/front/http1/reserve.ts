/** A descriptor held back for when there are no more. @module */
import { closeQuietly } from "./socket.ts";

/** Takes a descriptor; throws when there is none to have. */
export type TakeDescriptor = () => { close(): void };

/** The null device is there on every platform, and opening it touches nothing. */
export const openNullDevice: TakeDescriptor = () =>
  Deno.openSync(Deno.build.os === "windows" ? "NUL" : "/dev/null");

/** Holds one descriptor, or is without. */
export class Reserve implements Disposable {
  readonly #take: TakeDescriptor;
  #held: { close(): void } | undefined;

  constructor(take: TakeDescriptor) {
    this.#take = take;
  }

  /** Hold one from here on; false when there is none to have. */
  hold(): boolean {
    this.#held ??= this.#tryTake();
    return this.#held !== undefined;
  }

  /** Give it back for another use; false when none was held. */
  release(): boolean {
    const held = this.#held;
    if (held === undefined) return false;
    this.#held = undefined;
    closeQuietly(held);
    return true;
  }

  /** Whether one is held and another could be had beside it. */
  probe(): boolean {
    if (!this.hold()) return false;
    const other = this.#tryTake();
    if (other !== undefined) closeQuietly(other);
    return other !== undefined;
  }

  [Symbol.dispose](): void {
    this.release();
  }

  #tryTake(): { close(): void } | undefined {
    try {
      return this.#take();
    } catch {
      return undefined; // Which of its reasons it was, the next failure to accept will tell.
    }
  }
}
