/** Time that passes as fast as its events are worked off. @module */
import type { Clock, Timer } from "../../../lib/base/mod.ts";

interface Entry {
  readonly atMs: number;
  readonly order: number;
  run: (() => void) | undefined;
}

/** Where its wall clock begins: 2026-01-01 UTC. */
const BEGAN_UNIX_MS = 1_767_225_600_000;

/** Every so often promises that wait for a moment's events get their turns, in milliseconds. */
const TURN_MS = 100;

/** How many turns: what is awaited may wait for something else. */
const TURNS = 8;

/** A clock whose events run in the order of their times, then of their making. */
export class VirtualClock implements Clock {
  readonly #heap: Entry[] = [];
  #nowMs = 0;
  #made = 0;

  now(): number {
    return this.#nowMs;
  }

  unixMs(): number {
    return BEGAN_UNIX_MS + this.#nowMs;
  }

  after(delayMs: number, run: () => void): Timer {
    const entry: Entry = {
      atMs: this.#nowMs + Math.max(0, delayMs),
      order: this.#made++,
      run,
    };
    this.#push(entry);
    const cancel = (): void => void (entry.run = undefined);
    return { cancel, [Symbol.dispose]: cancel };
  }

  /** Work off what is due until `untilMs`. */
  async runUntil(untilMs: number): Promise<void> {
    let turnMs = this.#nowMs;
    for (let next = this.#heap[0]; next !== undefined && next.atMs <= untilMs;) {
      this.#pop();
      this.#nowMs = next.atMs;
      next.run?.();
      if (this.#nowMs - turnMs >= TURN_MS) {
        turnMs = this.#nowMs;
        for (let turn = 0; turn < TURNS; turn++) await undefined;
      }
      next = this.#heap[0];
    }
    this.#nowMs = untilMs;
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let at = heap.push(entry) - 1;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = heap[above];
      if (parent === undefined || isBefore(parent, entry)) break;
      heap[at] = parent;
      at = above;
    }
    heap[at] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      const [left, right] = [heap[below], heap[below + 1]];
      if (left === undefined) break;
      if (right !== undefined && isBefore(right, left)) below++;
      const child = heap[below];
      if (child === undefined || isBefore(last, child)) break;
      heap[at] = child;
      at = below;
    }
    heap[at] = last;
  }
}

function isBefore(one: Entry, other: Entry): boolean {
  return one.atMs < other.atMs || (one.atMs === other.atMs && one.order < other.order);
}
