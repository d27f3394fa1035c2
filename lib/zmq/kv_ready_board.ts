/** Who waits for which request's KV, and what to do with notifications nobody waits for. @module */
import { type Clock, every, RouterError, type Timer } from "../base/mod.ts";
import { type Demand, WaiterCount } from "./demand.ts";
import { ExpiringMap } from "./expiring_map.ts";
import { type KvWaiter, Waiter } from "./kv_waiter.ts";
import type { Notice } from "./notice.ts";

/** What became of one notification; a low-cardinality label for metrics. */
export type NoticeResult =
  /** One rank of several. */
  | "counted"
  /** The last rank: the KV is complete. */
  | "completed"
  /** One more than the ranks expected. */
  | "surplus"
  /** For a request that has ended, or whose transfer was cancelled. */
  | "late"
  /** For an id nobody has expected so far; kept for a while. */
  | "early"
  /** The transfer was given up; its waiter ends. */
  | "cancelled"
  | "unknown-type"
  | "garbage"
  /** Early, with the early buffer full. */
  | "dropped";

/** What the board reports for metrics: every notification, and every waiter grown too old. */
export type BoardEvent = NoticeResult | "expired";

/** How a `KvReadyBoard` behaves. All durations and counts are positive. */
export interface KvReadyBoardOptions {
  readonly clock: Clock;
  /**
   * How long an ended request's id is remembered, so that its late notifications are known as
   * such, in milliseconds. At least as long as a prefill may take.
   */
  readonly finishedTtlMs: number;
  /** Time between sweeps, in milliseconds. */
  readonly sweepIntervalMs: number;
  /** Most early ids kept, and most ended ids remembered. Waiters are as many as their owners. */
  readonly maxEntries: number;
  /**
   * How long a notification for an unknown id is kept, in milliseconds.
   * @default 60000
   */
  readonly earlyTtlMs?: number;
  /**
   * Age at which a waiter that was not disposed is evicted, in milliseconds: a net under owners
   * that forget. Longer than the longest prefill and KV wait together.
   * @default finishedTtlMs
   */
  readonly waiterTtlMs?: number;
  /** Called after each notification and each eviction. Must not throw. */
  readonly onResult?: (event: BoardEvent) => void;
}

/** What a request expects. */
export interface ExpectOptions {
  /** Notifications to wait for: the prefill engine's ranks that store; a positive integer. */
  readonly ranks: number;
  /** What the wait depends on, by names: see `KvReadyBoard.lose`. */
  readonly of?: readonly string[];
}

/** What the board holds. */
export interface BoardStats {
  readonly waiters: number;
  readonly early: number;
  readonly tombstones: number;
}

/** A notification that came before its waiter. */
interface Early {
  count: number;
  cancelled: boolean;
}

/**
 * Matches notifications with waiters by request id. There is no rank in a notification, so all one
 * can do is count (LMCache `storage_backend/pd_backend.py`, `ProxyNotif`).
 *
 * Ids are unique per prefill attempt. Notifications of an earlier attempt under the same id could
 * not be told from those of the next.
 */
export class KvReadyBoard implements Disposable {
  readonly #clock: Clock;
  readonly #waiterTtlMs: number;
  readonly #onResult: ((event: BoardEvent) => void) | undefined;
  /** In order of registration, so the oldest come first. */
  readonly #waiters = new Map<string, Waiter>();
  /** Those of them that notifications are still to come for. */
  readonly #demand = new WaiterCount();
  readonly #early: ExpiringMap<Early>;
  readonly #tombstones: ExpiringMap<true>;
  readonly #sweeper: Timer;
  #closed = false;

  constructor(options: KvReadyBoardOptions) {
    const { clock, finishedTtlMs, sweepIntervalMs, maxEntries, earlyTtlMs = 60_000 } = options;
    const { waiterTtlMs = finishedTtlMs } = options;
    for (
      const [name, value] of Object.entries({
        finishedTtlMs,
        sweepIntervalMs,
        maxEntries,
        earlyTtlMs,
        waiterTtlMs,
      })
    ) {
      if (!(value > 0)) throw new RangeError(`"${name}" must be positive, received ${value}`);
    }
    this.#clock = clock;
    this.#waiterTtlMs = waiterTtlMs;
    this.#onResult = options.onResult;
    this.#early = new ExpiringMap({ ttlMs: earlyTtlMs, maxEntries, whenFull: "reject" });
    this.#tombstones = new ExpiringMap({
      ttlMs: finishedTtlMs,
      maxEntries,
      whenFull: "evict-oldest",
    });
    this.#sweeper = every(clock, sweepIntervalMs, () => this.#sweep());
  }

  /**
   * Register a request **before** its prefill is sent: the notification can overtake the prefill's
   * HTTP response. Notifications that came even earlier are counted at once.
   *
   * Throws `RouterError` `internal` when the id is being waited for already or `ranks` is not a
   * positive integer, `shutting-down` when the board is closed.
   */
  expect(reqId: string, { ranks, of = [] }: ExpectOptions): KvWaiter {
    if (this.#closed) throw new RouterError("shutting-down", `${cannotExpect(reqId)}: closed`);
    if (!Number.isInteger(ranks) || ranks < 1) {
      const problem = `"ranks" must be a positive integer, received ${ranks}`;
      throw new RouterError("internal", `${cannotExpect(reqId)}: ${problem}`);
    }
    if (this.#waiters.has(reqId)) {
      throw new RouterError("internal", `${cannotExpect(reqId)}: already expected`);
    }
    const interest = this.#demand.enter();
    const bury = (ended: Waiter): void => this.#bury(ended);
    const waiter = new Waiter(reqId, ranks, this.#clock, interest, bury, of);
    this.#waiters.set(reqId, waiter);
    const early = this.#early.take(reqId, waiter.since);
    if (early !== undefined) {
      waiter.count(early.count);
      if (early.cancelled) waiter.cancel();
    }
    return waiter;
  }

  /** Take one notification. Never throws, whatever it says. */
  accept(notice: Notice): NoticeResult {
    const result = this.#accept(notice);
    this.#onResult?.(result);
    return result;
  }

  /** What is called `name` is not there any more: whoever depends on it waits in vain, and ends. */
  lose(name: string): void {
    for (const waiter of this.#waiters.values()) waiter.lose(name);
  }

  /** Whether any request expects notifications that have not come. */
  get demand(): Demand {
    return this.#demand;
  }

  stats(): BoardStats {
    return {
      waiters: this.#waiters.size,
      early: this.#early.size,
      tombstones: this.#tombstones.size,
    };
  }

  /** Stop sweeping and end all waits as `aborted`. */
  [Symbol.dispose](): void {
    this.#closed = true;
    this.#sweeper.cancel();
    for (const waiter of this.#waiters.values()) waiter.close();
    this.#waiters.clear();
    this.#early.clear();
    this.#tombstones.clear();
  }

  #accept(notice: Notice): NoticeResult {
    switch (notice.kind) {
      case "kv-ready":
        return this.#waiters.get(notice.reqId)?.count(1) ?? this.#unexpected(notice.reqId, false);
      case "cancelled":
        return this.#waiters.get(notice.reqId)?.cancel() ?? this.#unexpected(notice.reqId, true);
      case "unknown":
        return "unknown-type";
      case "garbage":
        return "garbage";
      default:
        return notice satisfies never;
    }
  }

  #unexpected(reqId: string, cancelled: boolean): NoticeResult {
    if (this.#closed) return "dropped";
    const now = this.#clock.now();
    if (this.#tombstones.get(reqId, now) !== undefined) return "late";
    const known = this.#early.get(reqId, now);
    if (known === undefined) {
      const kept = this.#early.set(reqId, { count: cancelled ? 0 : 1, cancelled }, now);
      return kept ? "early" : "dropped";
    }
    if (known.cancelled) return "late";
    if (cancelled) known.cancelled = true;
    else known.count++;
    return "early";
  }

  #bury(waiter: Waiter): void {
    if (this.#waiters.get(waiter.reqId) !== waiter) return;
    this.#waiters.delete(waiter.reqId);
    this.#tombstones.set(waiter.reqId, true, this.#clock.now());
  }

  #sweep(): void {
    const now = this.#clock.now();
    this.#early.evictExpired(now);
    this.#tombstones.evictExpired(now);
    for (const waiter of this.#waiters.values()) {
      if (now - waiter.since < this.#waiterTtlMs) return;
      this.#bury(waiter);
      waiter.expire();
      this.#onResult?.("expired");
    }
  }
}

function cannotExpect(reqId: string): string {
  return `Cannot expect the KV of request ${JSON.stringify(reqId)}`;
}
