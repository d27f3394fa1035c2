/**
 * KV pages a decode engine holds for others to fill and itself to read, per rank.
 *
 * Keys are registered when pages are allocated, before bytes land in them: a decode that comes too
 * early finds a hit and reads what was there before. A page has one reference per transfer that
 * announced it, and a read takes one; there is no eviction. Looking pages up and reading them are two
 * steps, and a page may go in between (LMCache `pd_backend.py`, `pd_backend_async.py`:
 * `_allocate_and_put`, `contains`, `get_blocking`, `remove`).
 * @module
 */
import type { Clock } from "../base/mod.ts";
import type { AllocResponse } from "./lmcache_messages.ts";

interface Page {
  landed: boolean;
  /** Transfers that announced it and have not been read. */
  references: number;
  readonly since: number;
}

/** What reading pages found. */
export type Reading =
  /** All were there; `landed` tells whether bytes were in all of them. */
  | { readonly kind: "read"; readonly landed: boolean }
  /** A page that the lookup saw is gone. */
  | { readonly kind: "gone"; readonly key: string };

/** Pages of all ranks of one engine. */
export class KvStore {
  readonly #ranks: readonly Map<string, Page>[];
  readonly #clock: Clock;
  /** LMCache hands out addresses from a queue, so they count up. */
  #nextPage = 0;

  /** @param ranks How many ranks hold KV. */
  constructor(ranks: number, clock: Clock) {
    this.#ranks = Array.from({ length: ranks }, () => new Map<string, Page>());
    this.#clock = clock;
  }

  /** How many ranks hold KV. */
  get ranks(): number {
    return this.#ranks.length;
  }

  /** Allocate pages for those of `keys` that have none; the others get one more reference. */
  allocate(rank: number, keys: readonly string[]): AllocResponse {
    const held = this.#pages(rank);
    const known: number[] = [];
    const pages: number[] = [];
    keys.forEach((key, index) => {
      const page = held.get(key);
      if (page === undefined) {
        held.set(key, { landed: false, references: 1, since: this.#clock.now() });
        pages.push(this.#nextPage++);
      } else {
        page.references++;
        known.push(index);
      }
    });
    return { known, pages };
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
    for (const key of keys) dropReference(pages, key);
  }

  /**
   * How many chunks every rank holds, from the first on; changes nothing.
   * @param keysOf The keys of one rank, in order.
   */
  lookup(keysOf: (rank: number) => readonly string[]): number {
    let chunks = Infinity;
    this.#ranks.forEach((pages, rank) => {
      const keys = keysOf(rank);
      const missing = keys.findIndex((key) => !pages.has(key));
      chunks = Math.min(chunks, missing < 0 ? keys.length : missing);
    });
    return chunks;
  }

  /** Read the pages of `keysOf`, on every rank, and take one reference of each. */
  read(keysOf: (rank: number) => readonly string[]): Reading {
    let landed = true;
    for (const [rank, pages] of this.#ranks.entries()) {
      for (const key of keysOf(rank)) {
        const page = pages.get(key);
        if (page === undefined) return { kind: "gone", key };
        landed &&= page.landed;
        dropReference(pages, key);
      }
    }
    return { kind: "read", landed };
  }

  /** References still to be taken, over all ranks; and those waiting longer than `leakAfterMs`. */
  held(leakAfterMs: number): { readonly heldKv: number; readonly leaked: number } {
    const now = this.#clock.now();
    let heldKv = 0;
    let leaked = 0;
    for (const pages of this.#ranks) {
      for (const page of pages.values()) {
        heldKv += page.references;
        if (now - page.since > leakAfterMs) leaked += page.references;
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

function dropReference(pages: Map<string, Page>, key: string): void {
  const page = pages.get(key);
  if (page === undefined) return;
  if (page.references > 1) page.references--;
  else pages.delete(key);
}
