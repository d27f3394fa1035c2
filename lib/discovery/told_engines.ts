/** What was told of the engines of several owners, and what has to be told when an owner has others. @module */
import type { FoundEngine } from "./found.ts";
import type { FoundQueue } from "./found_queue.ts";

interface Told {
  readonly owner: string;
  readonly engine: FoundEngine;
  /** When it is gone, where it leaves. */
  readonly goneMs: number | undefined;
}

/**
 * Tells of engines that are not found any more that they leave, and after a time that they are gone: one that
 * is found again meanwhile was never away.
 */
export class ToldEngines {
  readonly #queue: Pick<FoundQueue, "found" | "lost">;
  readonly #leavingMs: number;
  readonly #told = new Map<string, Told>();

  constructor(queue: Pick<FoundQueue, "found" | "lost">, leavingMs: number) {
    this.#queue = queue;
    this.#leavingMs = leavingMs;
  }

  /** Engines that were told of and are not gone. */
  get size(): number {
    return this.#told.size;
  }

  /** `engines`, by their keys, are those that `owner` has at `nowMs`; no two owners share a key. */
  set(owner: string, engines: readonly FoundEngine[], nowMs: number): void {
    const there = new Set(engines.map(({ key }) => key));
    for (const [key, told] of this.#told) {
      if (told.owner !== owner || there.has(key)) continue;
      if (told.goneMs === undefined) this.#leave(key, told, nowMs);
      else if (told.goneMs <= nowMs) this.#lose(key);
    }
    const urls = new Set<string>();
    for (const engine of engines) {
      const known = this.#told.get(engine.key);
      if (known !== undefined && known.goneMs === undefined) continue;
      urls.add(engine.raw.url);
      this.#told.set(engine.key, { owner, engine, goneMs: undefined });
      this.#queue.found(engine);
    }
    if (urls.size > 0) this.#makeRoom(urls);
  }

  #leave(key: string, { owner, engine }: Told, nowMs: number): void {
    const goneMs = nowMs + this.#leavingMs;
    this.#told.set(key, { owner, engine, goneMs });
    // Whoever is found at its address in another role must not wait until it is gone.
    const isElsewhere = this.#told.values().some((other) =>
      other.goneMs === undefined && other.engine.raw.url === engine.raw.url
    );
    if (isElsewhere) this.#lose(key);
    else this.#queue.found({ ...engine, leaving: true });
  }

  /** Those that leave an address of `urls` are gone: another owner has an engine there. */
  #makeRoom(urls: ReadonlySet<string>): void {
    for (const [key, { engine, goneMs }] of this.#told) {
      if (goneMs !== undefined && urls.has(engine.raw.url)) this.#lose(key);
    }
  }

  #lose(key: string): void {
    this.#told.delete(key);
    this.#queue.lost(key);
  }
}
