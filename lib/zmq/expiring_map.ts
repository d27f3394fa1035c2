/** A map bounded by count and by age. @module */

interface Timed<V> {
  readonly value: V;
  readonly expiresAt: number;
}

/** Bounds of an `ExpiringMap`. */
export interface ExpiringMapOptions {
  /** Age at which an entry is gone, in milliseconds. */
  readonly ttlMs: number;
  /** Most entries held. */
  readonly maxEntries: number;
  /** What a full map does with one entry more. */
  readonly whenFull: "evict-oldest" | "reject";
}

/**
 * Entries live `ttlMs` from the moment they were set, so insertion order is expiry order and
 * everything here costs what it removes. `now` is the caller's, read once per operation.
 */
export class ExpiringMap<V> {
  readonly #options: ExpiringMapOptions;
  readonly #entries = new Map<string, Timed<V>>();

  constructor(options: ExpiringMapOptions) {
    this.#options = options;
  }

  /** Entries held, with those that have expired since the last `evictExpired`. */
  get size(): number {
    return this.#entries.size;
  }

  get(key: string, now: number): V | undefined {
    const entry = this.#entries.get(key);
    return entry !== undefined && entry.expiresAt > now ? entry.value : undefined;
  }

  /** Set or replace, with a full life ahead; false when the map is full and rejects. */
  set(key: string, value: V, now: number): boolean {
    this.#entries.delete(key);
    if (this.#entries.size >= this.#options.maxEntries) this.evictExpired(now);
    if (this.#entries.size >= this.#options.maxEntries) {
      if (this.#options.whenFull === "reject") return false;
      for (const oldest of this.#entries.keys()) {
        this.#entries.delete(oldest);
        break;
      }
    }
    this.#entries.set(key, { value, expiresAt: now + this.#options.ttlMs });
    return true;
  }

  /** Remove and return, unless expired. */
  take(key: string, now: number): V | undefined {
    const value = this.get(key, now);
    this.#entries.delete(key);
    return value;
  }

  /** Forget what has reached its age. */
  evictExpired(now: number): void {
    for (const [key, entry] of this.#entries) {
      if (entry.expiresAt > now) return;
      this.#entries.delete(key);
    }
  }

  clear(): void {
    this.#entries.clear();
  }
}
