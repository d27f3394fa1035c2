/** Sums over the latest stretch of time, in a few numbers however much is added. @module */
import type { Clock } from "../base/mod.ts";

/** Into so many slots the time is cut; the oldest is forgotten as a whole. */
const SLOTS = 20;

/** What is added and summed by name. */
export class SlidingSums<Name extends string> {
  readonly #clock: Clock;
  readonly #names: readonly Name[];
  readonly #slotMs: number;
  readonly #sums: Float64Array;
  /** The slot of the latest moment, counted from the clock's zero. */
  #slot: number;

  /** `windowMs` above 0. */
  constructor(clock: Clock, windowMs: number, names: readonly Name[]) {
    this.#clock = clock;
    this.#names = names;
    this.#slotMs = windowMs / SLOTS;
    this.#sums = new Float64Array(SLOTS * names.length);
    this.#slot = Math.floor(clock.now() / this.#slotMs);
  }

  add(name: Name, value: number): void {
    this.#turn();
    const at = this.#at(this.#slot % SLOTS, name);
    this.#sums[at] = (this.#sums[at] ?? 0) + value;
  }

  /** What has been added of `name` in the window. */
  sum(name: Name): number {
    this.#turn();
    let sum = 0;
    for (let slot = 0; slot < SLOTS; slot++) sum += this.#sums[this.#at(slot, name)] ?? 0;
    return sum;
  }

  /**
   * How long the slots of the window last by this moment, in milliseconds: between 19 and 20 twentieths
   * of the window, however short a time there has been something to add.
   */
  get spanMs(): number {
    this.#turn();
    const elapsed = this.#clock.now() - this.#slot * this.#slotMs;
    return (SLOTS - 1) * this.#slotMs + elapsed;
  }

  #at(slot: number, name: Name): number {
    return slot * this.#names.length + this.#names.indexOf(name);
  }

  /** Empty the slots of the time that has passed since. */
  #turn(): void {
    const slot = Math.floor(this.#clock.now() / this.#slotMs);
    const passed = Math.min(slot - this.#slot, SLOTS);
    for (let step = 0; step < passed; step++) {
      const from = ((slot - step) % SLOTS) * this.#names.length;
      this.#sums.fill(0, from, from + this.#names.length);
    }
    this.#slot = slot;
  }
}
