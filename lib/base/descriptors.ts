/** File descriptors, of which a process has so many: none left, and some held back for that. @module */
import { type Clock, every, type Timer } from "./clock.ts";

/** None left to the process, and to the machine. */
const CODES: ReadonlySet<unknown> = new Set(["EMFILE", "ENFILE"]);

/** Whether `error`, or a cause of it, says that there was no descriptor to have. */
export function isWantOfDescriptors(error: unknown): boolean {
  let current: unknown = error;
  // Bounded by depth: a chain of causes can be a circle.
  for (let depth = 0; depth < 5 && current instanceof Error; depth++) {
    if ("code" in current && CODES.has(current.code)) return true;
    current = current.cause;
  }
  return false;
}

/** What gives descriptors up for a connection that has none. */
export interface DescriptorSource {
  /** Whether there is none to have. */
  scarce(): boolean;
  /** Give something up; whether another try is worth while. */
  makeRoom(): Promise<boolean>;
}

/** Gives up a descriptor that is held back; false when none is. */
export type SpareDescriptor = () => boolean;

/**
 * What `take` makes, which is called again where it finds no descriptor, as long as `spare` gives one
 * up. Throws what `take` throws last.
 */
export function takeWithSpare<T>(take: () => T, spare: SpareDescriptor = () => false): T {
  for (;;) {
    try {
      return take();
    } catch (error) {
      if (!isWantOfDescriptors(error) || !spare()) throw error;
    }
  }
}

/** Takes a descriptor; throws when there is none to have. */
export type TakeDescriptor = () => { close(): void };

/** The null device is there on every platform, and opening it touches nothing. */
export const openNullDevice: TakeDescriptor = () =>
  Deno.openSync(Deno.build.os === "windows" ? "NUL" : "/dev/null");

/** How often those that were given up are tried to be had again, in milliseconds. */
export const REFILL_MS = 1_000;

/** What a reserve is made from. */
export interface DescriptorReserveParts {
  readonly clock: Clock;
  /** How many it holds. */
  readonly size: number;
  /** @default openNullDevice */
  readonly take?: TakeDescriptor;
}

/**
 * Holds descriptors back, and gives them up one by one when there are no others. Where the program may
 * not take any, for want of permission, it holds none.
 */
export class DescriptorReserve implements Disposable {
  readonly #clock: Clock;
  readonly #size: number;
  readonly #take: TakeDescriptor;
  readonly #held: { close(): void }[] = [];
  #refill: Timer | undefined;

  constructor({ clock, size, take = openNullDevice }: DescriptorReserveParts) {
    this.#clock = clock;
    this.#size = size;
    this.#take = take;
    this.#fill();
  }

  /** Descriptors held. */
  get held(): number {
    return this.#held.length;
  }

  /** Whether there is none to have beside those held. */
  get scarce(): boolean {
    const taken = this.#tryTake();
    if (taken === "want") return true;
    if (taken !== "forbidden") taken.close();
    return false;
  }

  /** Give one up; false when none is held. */
  spend(): boolean {
    const held = this.#held.pop();
    if (held === undefined) return false;
    held.close();
    this.#fillLater();
    return true;
  }

  [Symbol.dispose](): void {
    this.#rest();
    for (const held of this.#held.splice(0)) held.close();
  }

  #fill(): void {
    while (this.#held.length < this.#size) {
      const taken = this.#tryTake();
      if (taken === "want") return this.#fillLater();
      if (taken === "forbidden") break;
      this.#held.push(taken);
    }
    this.#rest();
  }

  #fillLater(): void {
    this.#refill ??= every(this.#clock, REFILL_MS, () => this.#fill());
  }

  #rest(): void {
    this.#refill?.cancel();
    this.#refill = undefined;
  }

  #tryTake(): { close(): void } | "want" | "forbidden" {
    try {
      return this.#take();
    } catch (error) {
      return isWantOfDescriptors(error) ? "want" : "forbidden";
    }
  }
}
