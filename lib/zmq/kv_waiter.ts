/** One request's wait for the KV of all prefill ranks. @module */
import { type AbortWatch, type Clock, Lease, type WaitEnd } from "../base/mod.ts";

/** Bounds of one wait. */
export interface KvWaitOptions {
  /** Longest wait, in milliseconds. */
  readonly timeoutMs: number;
  readonly signal?: AbortWatch;
}

/**
 * The handle of whoever expects the KV of one request. Dispose it on every path: that ends pending
 * waits as `aborted` and makes notifications still to come late ones.
 */
export interface KvWaiter extends Disposable {
  readonly reqId: string;
  /** Notifications that make the KV complete: one per prefill rank that stores. */
  readonly ranks: number;
  /** The transfer was cancelled before it was complete; it will never be `ready`. */
  readonly cancelled: boolean;
  /** What the wait depended on, where that was lost before it was complete; it will never be `ready`. */
  readonly lost?: string | undefined;
  /** Notifications counted so far; more than `ranks` when there was a surplus. */
  received(): number;
  /**
   * `ready` when all ranks have notified, else `timed-out` after `timeoutMs` or `aborted` by the
   * signal. What has already happened wins over an aborted signal. A cancelled or lost
   * transfer, and a waiter grown too old, end every wait as `timed-out` at once: the KV is not coming. May be
   * called again to wait longer, and by several at a time. Never rejects.
   */
  wait(options: KvWaitOptions): Promise<WaitEnd>;
}

/** Why a waiter waits no longer, and how its waits end. */
const ENDS = {
  ready: "ready",
  cancelled: "timed-out",
  lost: "timed-out",
  expired: "timed-out",
  closed: "aborted",
} as const satisfies Readonly<Record<string, WaitEnd>>;

type State = "waiting" | keyof typeof ENDS;

/** What the board knows of one live request; `KvWaiter` is its owner's view. */
export class Waiter implements KvWaiter {
  readonly reqId: string;
  readonly ranks: number;
  /** Monotonic time of registration, in milliseconds. */
  readonly since: number;
  readonly #clock: Clock;
  readonly #interest: Lease;
  readonly #lease: Lease;
  readonly #waits = new Set<(end: WaitEnd) => void>();
  readonly #of: readonly string[];
  #received = 0;
  #lost: string | undefined;
  #state: State = "waiting";

  /** `interest` is released when it waits no longer; `of`: what it depends on, by names. */
  constructor(
    reqId: string,
    ranks: number,
    clock: Clock,
    interest: Lease,
    onDispose: (waiter: Waiter) => void,
    of: readonly string[] = [],
  ) {
    this.reqId = reqId;
    this.ranks = ranks;
    this.#of = of;
    this.since = clock.now();
    this.#clock = clock;
    this.#interest = interest;
    this.#lease = new Lease(() => {
      onDispose(this);
      this.close();
    });
  }

  get cancelled(): boolean {
    return this.#state === "cancelled";
  }

  get lost(): string | undefined {
    return this.#lost;
  }

  received(): number {
    return this.#received;
  }

  /** Count notifications. */
  count(notifications: number): "counted" | "completed" | "surplus" | "late" {
    if (this.#state === "ready") {
      this.#received += notifications;
      return "surplus";
    }
    if (this.#state !== "waiting") return "late";
    this.#received += notifications;
    if (this.#received < this.ranks) return "counted";
    this.#settle("ready");
    return "completed";
  }

  /** The transfer has failed, unless it was complete already. */
  cancel(): "cancelled" | "late" {
    if (this.#state === "waiting") this.#settle("cancelled");
    return this.#state === "cancelled" ? "cancelled" : "late";
  }

  /** What is called `name` is lost, and the transfer with it if it depends on that. */
  lose(name: string): void {
    if (this.#state !== "waiting" || !this.#of.includes(name)) return;
    this.#lost = name;
    this.#settle("lost");
  }

  /** Nobody disposed it in time. */
  expire(): void {
    if (this.#state === "waiting") this.#settle("expired");
  }

  /** End pending and later waits as `aborted`, unless something else has ended them. */
  close(): void {
    if (this.#state === "waiting") this.#settle("closed");
  }

  wait({ timeoutMs, signal }: KvWaitOptions): Promise<WaitEnd> {
    if (this.#state !== "waiting") return Promise.resolve(ENDS[this.#state]);
    if (signal?.aborted) return Promise.resolve("aborted");
    return new Promise((resolve) => {
      const finish = (end: WaitEnd): void => {
        timer.cancel();
        signal?.removeEventListener("abort", onAbort);
        this.#waits.delete(finish);
        resolve(end);
      };
      const onAbort = (): void => finish("aborted");
      const timer = this.#clock.after(timeoutMs, () => finish("timed-out"));
      signal?.addEventListener("abort", onAbort, { once: true });
      this.#waits.add(finish);
    });
  }

  [Symbol.dispose](): void {
    this.#lease.release();
  }

  #settle(state: keyof typeof ENDS): void {
    this.#state = state;
    this.#interest.release();
    for (const finish of this.#waits) finish(ENDS[state]);
  }
}
