/** A descriptor held back for when there are no more. @module */
import type { TakeDescriptor } from "../../base/mod.ts";
import { closeQuietly } from "./socket.ts";

/** Holds one descriptor, or is without. Where the program may take none, it has nothing to hold. */
export class Reserve implements Disposable {
  readonly #take: TakeDescriptor;
  #held: { close(): void } | undefined;
  #blind = false;

  constructor(take: TakeDescriptor) {
    this.#take = take;
  }

  /** True where the program may take none, so that asking for one tells nothing. */
  get blind(): boolean {
    return this.#blind;
  }

  /** Hold one from here on; false when there is none to have. */
  hold(): boolean {
    if (this.#held !== undefined) return true;
    const taken = this.#tryTake();
    if (typeof taken !== "string") this.#held = taken;
    return taken !== "want";
  }

  /** Give it back for another use; false when none was held. */
  release(): boolean {
    const held = this.#held;
    if (held === undefined) return false;
    this.#held = undefined;
    closeQuietly(held);
    return true;
  }

  /** Whether one is held and another could be had beside it, as far as that can be told. */
  probe(): boolean {
    if (!this.hold()) return false;
    const other = this.#tryTake();
    if (typeof other !== "string") closeQuietly(other);
    return other !== "want";
  }

  [Symbol.dispose](): void {
    this.release();
  }

  #tryTake(): { close(): void } | "want" | "forbidden" {
    try {
      return this.#take();
    } catch (error) {
      // Which other reason it was, the next failure to accept will tell.
      this.#blind = error instanceof Deno.errors.NotCapable;
      return this.#blind ? "forbidden" : "want";
    }
  }
}
