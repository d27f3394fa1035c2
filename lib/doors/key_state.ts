/** What one key has used of its limits. @module */
import { type Clock, Lease, RouterError } from "../base/mod.ts";
import type { ApiKey, KeyLimits } from "./api_key.ts";
import type { KeyUse } from "../gossip/mod.ts";
import { durationText, retryAfter } from "./duration.ts";
import { TokenBucket } from "./token_bucket.ts";

/** Header fields of an answer. */
export type Fields = readonly (readonly [name: string, value: string])[];

/** Which limit keeps a request out, as a metric label. */
export type LimitKind = "requests" | "concurrency" | "tokens";

/** A limit that keeps a request out, and the error that tells of it. */
export interface Refusal {
  readonly kind: LimitKind;
  readonly error: RouterError;
}

/** How keys are shared with other routers that they open as well. */
export interface KeySharing {
  /** Requests of the key called `name` that others have let in, and whose answers have not ended. */
  running(name: string): number;
  /** The key has been used, or less of it than before; `soon`: little is left, others are to know at once. */
  used(state: KeyState, soon: boolean): void;
}

const MINUTE_MS = 60_000;

/** How soon a client may come again where others must go first, in milliseconds. */
const CONCURRENCY_WAIT_MS = 1000;

/** The limits of one key, and what is left of them. It outlives changes of the limits. */
export class KeyState {
  readonly name: string;
  readonly digest: string;
  readonly #clock: Pick<Clock, "now">;
  readonly #sharing: KeySharing | undefined;
  #limits: KeyLimits = {};
  #running = 0;
  #requests: TokenBucket | undefined;
  #tokens: TokenBucket | undefined;
  /** Requests and tokens since the beginning, of this router alone. */
  #requestsUsed = 0;
  #tokensUsed = 0;

  constructor({ name, digest, limits }: ApiKey, clock: Pick<Clock, "now">, sharing?: KeySharing) {
    this.name = name;
    this.digest = digest;
    this.#clock = clock;
    this.#sharing = sharing;
    this.limit(limits);
  }

  /** Requests whose answers have not ended, of this router. */
  get running(): number {
    return this.#running;
  }

  /** Whether tokens are counted. */
  get countsTokens(): boolean {
    return this.#tokens !== undefined;
  }

  /** Models it may use; undefined for all. */
  get models(): readonly string[] | undefined {
    return this.#limits.models;
  }

  /** Have other limits from here on; what has been used stays used. */
  limit(limits: KeyLimits): void {
    this.#limits = limits;
    const { requestsPerSecond: rate, tokensPerMinute: tokens } = limits;
    // A second's share at once, and one request however low the rate is.
    const burst = rate === undefined ? undefined : Math.max(1, rate);
    this.#requests = this.#resized(this.#requests, burst, (rate ?? 0) / 1000);
    this.#tokens = this.#resized(this.#tokens, tokens, (tokens ?? 0) / MINUTE_MS);
  }

  /** A request comes in: its lease is given back when its answer has ended. */
  enter(): Lease | Refusal {
    const now = this.#clock.now();
    const { concurrentRequests: most = Infinity } = this.#limits;
    if (most !== Infinity && this.#running + this.#elsewhere() >= most) {
      return this.#refusal(
        "concurrency",
        `concurrent requests: Limit ${most}`,
        CONCURRENCY_WAIT_MS,
      );
    }
    const waitMs = this.#requests?.waitMs(1, now) ?? 0;
    if (waitMs > 0) {
      const { requestsPerSecond } = this.#limits;
      return this.#refusal("requests", `requests per second: Limit ${requestsPerSecond}`, waitMs);
    }
    this.#requests?.take(1, now);
    this.#requestsUsed++;
    this.#running++;
    this.#shared();
    return new Lease(() => {
      this.#running--;
      this.#shared();
    });
  }

  /** `amount` tokens are about to be used; a request larger than the limit waits for all there is. */
  useTokens(amount: number): Refusal | undefined {
    const now = this.#clock.now();
    const waitMs = this.#tokens?.waitMs(amount, now) ?? 0;
    if (waitMs > 0) {
      const { tokensPerMinute } = this.#limits;
      const what = `tokens per minute: Limit ${tokensPerMinute}, requested about ${amount}`;
      return this.#refusal("tokens", what, waitMs);
    }
    this.#tokens?.take(amount, now);
    this.#tokensUsed += amount;
    this.#shared();
    return undefined;
  }

  /** Of `estimated` tokens that were taken for it, a request has used `used`. */
  settleTokens(estimated: number, used: number): void {
    this.#move(this.#tokens, used - estimated);
    this.#tokensUsed += used - estimated;
    this.#shared();
  }

  /** What this router has let its owner have, and when it is whole again. */
  use(): KeyUse {
    const now = this.#clock.now();
    return {
      running: this.#running,
      requests: this.#requestsUsed,
      tokens: this.#tokensUsed,
      requestsResetMs: this.#requests?.resetMs(now) ?? 0,
      tokensResetMs: this.#tokens?.resetMs(now) ?? 0,
    };
  }

  /** So much more has been used elsewhere. */
  usedElsewhere(requests: number, tokens: number): void {
    this.#move(this.#requests, requests);
    this.#move(this.#tokens, tokens);
  }

  /** As is known elsewhere, its shares are not whole before so many milliseconds. */
  wholeIn(requestsMs: number, tokensMs: number): void {
    const now = this.#clock.now();
    this.#requests?.fullIn(requestsMs, now);
    this.#tokens?.fullIn(tokensMs, now);
  }

  /** What is left, as OpenAI tells it; nothing of limits that there are not. */
  fields(): Fields {
    const now = this.#clock.now();
    return [
      ...bucketFields("requests", this.#requests, now),
      ...bucketFields("tokens", this.#tokens, now),
    ];
  }

  #elsewhere(): number {
    return this.#sharing?.running(this.name) ?? 0;
  }

  /** What this router knows of its use is another: that is of interest where there are limits. */
  #shared(): void {
    const sharing = this.#sharing;
    if (sharing === undefined) return;
    const { concurrentRequests: most, requestsPerSecond, tokensPerMinute } = this.#limits;
    if (most === undefined && requestsPerSecond === undefined && tokensPerMinute === undefined) {
      return;
    }
    const now = this.#clock.now();
    const isScarce = (bucket: TokenBucket | undefined): boolean =>
      bucket !== undefined && bucket.level(now) < bucket.capacity / 2;
    const crowded = most !== undefined && this.#running + this.#elsewhere() >= most / 2;
    sharing.used(this, crowded || isScarce(this.#requests) || isScarce(this.#tokens));
  }

  #move(bucket: TokenBucket | undefined, amount: number): void {
    if (amount > 0) bucket?.take(amount, this.#clock.now());
    else if (amount < 0) bucket?.putBack(-amount);
  }

  #refusal(kind: LimitKind, what: string, waitMs: number): Refusal {
    const message = `Rate limit reached for key '${this.name}' on ${what}. ` +
      `Please try again in ${durationText(waitMs)}`;
    const fields = [["retry-after", retryAfter(waitMs)] as const, ...this.fields()];
    return { kind, error: new RouterError("rate-limited", message, { fields }) };
  }

  #resized(
    bucket: TokenBucket | undefined,
    capacity: number | undefined,
    perMs: number,
  ): TokenBucket | undefined {
    if (capacity === undefined) return undefined;
    if (bucket === undefined) return new TokenBucket(capacity, perMs);
    bucket.resize(capacity, perMs, this.#clock.now());
    return bucket;
  }
}

function bucketFields(what: string, bucket: TokenBucket | undefined, now: number): Fields {
  if (bucket === undefined) return [];
  // What sums of fractions leave over makes no token less.
  const left = Math.max(0, Math.floor(bucket.level(now) + 1e-6));
  return [
    [`x-ratelimit-limit-${what}`, String(Math.floor(bucket.capacity))],
    [`x-ratelimit-remaining-${what}`, String(left)],
    [`x-ratelimit-reset-${what}`, durationText(bucket.resetMs(now))],
  ];
}
