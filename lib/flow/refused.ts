/** What a client is told that got no room at the engines. @module */
import { type Clock, RouterError } from "../base/mod.ts";
import type { FullPair } from "../selection/mod.ts";
import type { QueueEnd } from "./admission_queue.ts";

/** What there is no room at. */
export type Full = FullPair | { readonly kind: "full"; readonly leg: "direct" };

/** The circumstances of a refusal. */
export interface RefusedParts {
  readonly full: Full;
  readonly model: string;
  /** The name of the client's key; undefined for none. */
  readonly key: string | undefined;
  /** The bounds of the queue. */
  readonly size: number;
  readonly timeoutMs: number;
  /** When there may be room. */
  readonly retryMs: number;
}

const WHERE = {
  prefill: ["The prefill engines", "--max-prefill-inflight"],
  decode: ["The decode engines", "--max-inflight, or their KV buffers"],
  direct: ["The engines", "--max-inflight"],
} as const satisfies Readonly<Record<Full["leg"], readonly [who: string, bound: string]>>;

const STOPPING = "The router is stopping: send this to another";

/** The error that tells of it: `rate-limited` where the key's share is used up, else `overloaded`. */
export function refusedError(
  { why, ownShare }: Extract<QueueEnd, { readonly kind: "refused" }>,
  { full, model, key, size, timeoutMs, retryMs }: RefusedParts,
): RouterError {
  const seconds = Math.max(1, Math.ceil(retryMs / 1000));
  const fields = [["retry-after", String(seconds)]] as const;
  if (why === "draining") {
    return new RouterError("shutting-down", STOPPING, { fields });
  }
  const [who, bound] = WHERE[full.leg];
  const queue = why === "timeout"
    ? `there was none within ${timeoutMs} ms (--queue-timeout)`
    : size === 0
    ? "nobody waits for any (--queue-size 0)"
    : `${size} requests wait for it (--queue-size)`;
  const what = `${who} of model '${model}' have no room (${bound}), and ${queue}`;
  const again = `Please try again in ${seconds}s`;
  return ownShare
    ? new RouterError(
      "rate-limited",
      `${what}, of which ${shareOf(key)} has had its share. ${again}, with fewer requests at once`,
      { fields },
    )
    : new RouterError("overloaded", `${what}. ${again}`, { fields });
}

function shareOf(key: string | undefined): string {
  return key === undefined ? "whoever has no key" : `key '${key}'`;
}

/** Longest wait that a client is asked for, in milliseconds. */
const MAX_RETRY_MS = 60_000;

/** How much the last interval counts. */
const WEIGHT = 0.1;

/** How soon those that wait are served. */
export class Pace {
  readonly #clock: Pick<Clock, "now">;
  #lastMs: number | undefined;
  #intervalMs: number | undefined;

  constructor(clock: Pick<Clock, "now">) {
    this.#clock = clock;
  }

  /** One has been served; `more` when others wait: the time to the next of them tells the pace. */
  served(more: boolean): void {
    const now = this.#clock.now();
    if (this.#lastMs !== undefined) {
      const last = now - this.#lastMs;
      const known = this.#intervalMs ?? last;
      this.#intervalMs = known + WEIGHT * (last - known);
    }
    this.#lastMs = more ? now : undefined;
  }

  /** When `ahead` requests will have been served, about, in milliseconds; at most a minute. */
  waitMs(ahead: number): number {
    return Math.min(MAX_RETRY_MS, ahead * (this.#intervalMs ?? 0));
  }
}
