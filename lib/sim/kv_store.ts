/**
 * KV pages a decode engine holds for others to fill and itself to read, per rank.
 *
 * Keys are registered when pages are allocated, before bytes land in them: a decode that comes too
 * early finds a hit and reads what was there before. Pages are held until a decode reads them; there
 * is no eviction (LMCache `pd_backend.py`, `remove_after_retrieve`).
 * @module
 */
import type { Clock } from "../base/mod.ts";

interface Page {
  landed: boolean;
  /** Requests that announced it and have not read it. */
  readers: number;
  readonly since: number;
}

/** What a lookup over all ranks found. */
export interface Lookup {
  /** Chunks found from the first on, on every rank. */
  readonly chunks: number;
  /** Of these, whether all had landed on every rank. */
  readonly landed: boolean;
}

/** Pages of all ranks of one engine. */
export class KvStore {
  readonly #ranks: readonly Map<string, Page>[];
  readonly #clock: Clock;

  /** @param ranks How many ranks hold KV. */
  constructor(ranks: number, clock: Clock) {
    this.#ranks = Array.from({ length: ranks }, () => new Map<string, Page>());
    this.#clock = clock;
  }

  /** How many ranks hold KV. */
  get ranks(): number {
    return this.#ranks.length;
  }

  /** Allocate pages; returns which of `keys` (by index) were there already. */
  allocate(rank: number, keys: readonly string[]): readonly number[] {
    const pages = this.#pages(rank);
    const known: number[] = [];
    keys.forEach((key, index) => {
      const page = pages.get(key);
      if (page === undefined) {
        pages.set(key, { landed: false, readers: 1, since: this.#clock.now() });
      } else {
        page.readers++;
        known.push(index);
      }
    });
    return known;
  }

  /** Mark pages as written; returns how many of them were allocated. */
  land(rank: number, keys: readonly string[]): number {
    const pages = this.#pages(rank);
    let landed = 0;
    for (const key of keys) {
      const page = pages.get(key);
      if (page === undefined) continue;
      page.landed = true;
      landed++;
    }
    return landed;
  }

  /** Give pages back unread, as a cancelled transfer does. */
  release(rank: number, keys: readonly string[]): void {
    const pages = this.#pages(rank);
    for (const key of keys) dropReader(pages, key);
  }

  /**
   * Find the longest run of chunks that every rank holds and release their pages, as a decode that
   * reads them does.
   * @param keysOf The keys of one rank, in order.
   */
  retrieve(keysOf: (rank: number) => readonly string[]): Lookup {
    const keys = this.#ranks.map((_, rank) => keysOf(rank));
    let chunks = Math.min(...keys.map((list) => list.length));
    let landed = true;
    this.#ranks.forEach((pages, rank) => {
      const found = keys[rank]?.findIndex((key) => !pages.has(key)) ?? 0;
      if (found >= 0) chunks = Math.min(chunks, found);
    });
    this.#ranks.forEach((pages, rank) => {
      for (const key of keys[rank]?.slice(0, chunks) ?? []) {
        landed &&= pages.get(key)?.landed === true;
        dropReader(pages, key);
      }
    });
    return { chunks, landed };
  }

  /** Readers still to come, over all ranks; and those waiting longer than `leakAfterMs`. */
  held(leakAfterMs: number): { readonly heldKv: number; readonly leaked: number } {
    const now = this.#clock.now();
    let heldKv = 0;
    let leaked = 0;
    for (const pages of this.#ranks) {
      for (const page of pages.values()) {
        heldKv += page.readers;
        if (now - page.since > leakAfterMs) leaked += page.readers;
      }
    }
    return { heldKv, leaked };
  }

  /** Forget all pages, as a restart does. */
  clear(): void {
    for (const pages of this.#ranks) pages.clear();
  }

  #pages(rank: number): Map<string, Page> {
    const pages = this.#ranks[rank];
    if (pages === undefined) throw new RangeError(`No rank ${rank} of ${this.#ranks.length}`);
    return pages;
  }
}

function dropReader(pages: Map<string, Page>, key: string): void {
  const page = pages.get(key);
  if (page === undefined) return;
  if (page.readers > 1) page.readers--;
  else pages.delete(key);
}
