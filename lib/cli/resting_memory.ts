/**
 * Gives memory back that a router at rest does not need.
 *
 * V8 does so by itself, but also where little is asked for a while, and drops what it has compiled with it: the next
 * ten thousand requests take two to four times as long. So it is told not to, and asked for it here, when
 * there is something to give back and nobody is waiting.
 * @module
 */
import { type Clock, every, type Timer } from "../base/mod.ts";

/** What is known of a process's memory, and how it is given back. */
export interface ProcessMemory {
  /** CPU time since the start, in milliseconds. */
  cpuMs(): number;
  /** Bytes in main memory. */
  residentBytes(): number;
  /** Give back what can be had; the process stands still for some ten milliseconds. */
  giveBack(): void;
}

/** Time between two looks, in milliseconds. */
const LOOK_MS = 1_000;

/** For how long a router must have been at rest, in milliseconds: shorter pauses leave it as it is. */
const REST_MS = 45_000;

/** Share of a core that a router at rest takes at most: looks at it, and at its engines, go on. */
const REST_SHARE = 0.02;

/** Less than this is not worth what was compiled, in bytes. */
const WORTH_BYTES = 16 * 1024 * 1024;

/** Decides when memory is to be given back, by what looks have seen. */
export class RestingMemory {
  #atMs: number;
  #cpuMs: number;
  #restsSinceMs: number;
  #leastBytes = Infinity;

  /** A process that has taken `cpuMs` of CPU time by `nowMs`. */
  constructor(nowMs: number, cpuMs: number) {
    this.#atMs = this.#restsSinceMs = nowMs;
    this.#cpuMs = cpuMs;
  }

  /** Whether to give memory back now, of `bytes` that are resident. */
  look(nowMs: number, cpuMs: number, bytes: number): boolean {
    const works = cpuMs - this.#cpuMs > (nowMs - this.#atMs) * REST_SHARE;
    if (works) this.#restsSinceMs = nowMs;
    this.#atMs = nowMs;
    this.#cpuMs = cpuMs;
    this.#leastBytes = Math.min(this.#leastBytes, bytes);
    return nowMs - this.#restsSinceMs >= REST_MS && bytes - this.#leastBytes >= WORTH_BYTES;
  }

  /** It was given back, and these are left: what is above them counts. */
  gaveBack(bytes: number): void {
    this.#leastBytes = bytes;
  }
}

/** Has `memory` be given back while the process rests, until the timer is cancelled; without it, nothing. */
export function returnMemory(
  clock: Clock,
  memory: ProcessMemory | undefined,
): Timer | undefined {
  if (memory === undefined) return undefined;
  const resting = new RestingMemory(clock.now(), memory.cpuMs());
  return every(clock, LOOK_MS, () => {
    if (!resting.look(clock.now(), memory.cpuMs(), memory.residentBytes())) return;
    memory.giveBack();
    resting.gaveBack(memory.residentBytes());
  });
}
