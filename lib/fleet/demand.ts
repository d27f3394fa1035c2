/** How many engines' worth of work there is for each role. Pure. @module */
import { type Candidate, requestsAt } from "../selection/mod.ts";

/** Prompt tokens that an engine computes in one step, about: vLLM's `max_num_batched_tokens`. */
const STEP_TOKENS = 8_192;

/** Jobs in a queue that count for one more busy engine: what has piled up is to be worked off, too. */
const PILED_UP = 32;

/** Requests at a time of engines of which nobody knows how many they should have. */
const USUAL_REQUESTS = 256;

/** How busy engines should be on average: what is above is kept for what comes by chance. */
export const TARGET = { prefill: 0.7, serving: 0.8 } as const;

/**
 * Busy prefill engines' worth of work at `engines`, 0 or more; as many as there are is all that they
 * can do. How busy they are is told by how many jobs they have on average: a queue for one server of
 * even service has `b + b * b / (2 - 2 * b)` jobs where it is busy for a share `b` of the time.
 */
export function prefillDemand(engines: readonly Candidate[]): number {
  const count = engines.length;
  if (count === 0) return 0;
  const jobs = engines.reduce((sum, engine) => sum + jobsAt(engine), 0) / count;
  return count * (1 + jobs - Math.hypot(1, jobs) + jobs / PILED_UP);
}

/** Requests whose prompts wait, or are computed; many short prompts are computed in one step. */
function jobsAt({ inflight, promptTokens, stats }: Candidate): number {
  const own = promptTokens === undefined
    ? inflight
    : Math.min(inflight, Math.ceil(promptTokens / STEP_TOKENS));
  // What other routers have there is known by its number alone.
  return own + requestsAt({ inflight, stats }) - inflight;
}

/**
 * Full engines' worth of work at engines that decode or serve alone, 0 or more: the larger share of
 * their seats and of their KV caches that is taken.
 */
export function servingDemand(engines: readonly Candidate[]): number {
  return engines.reduce((sum, engine) => {
    const seats = engine.load?.maxSeats ?? USUAL_REQUESTS;
    const most = Number.isFinite(seats) ? seats : USUAL_REQUESTS;
    return sum + Math.max(requestsAt(engine) / most, engine.stats?.kvUse ?? 0);
  }, 0);
}

/** A demand over time, of which what was long ago counts for less and less. */
export class Smoothed {
  readonly #memoryMs: number;
  #value = 0;
  #atMs: number | undefined;

  /** After `memoryMs`, more than 0, a value counts for a third. */
  constructor(memoryMs: number) {
    this.#memoryMs = memoryMs;
  }

  /** 0 before there is any. */
  get value(): number {
    return this.#value;
  }

  /** It is `value` at `nowMs`. */
  add(value: number, nowMs: number): void {
    const passed = this.#atMs === undefined ? 0 : nowMs - this.#atMs;
    const weight = 1 - Math.exp(-passed / this.#memoryMs);
    this.#value += (value - this.#value) * weight;
    this.#atMs = nowMs;
  }
}
