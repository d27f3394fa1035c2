/** The KV events of a fleet's engines: a feed for each of their caches, as they come and go. @module */
import type { Engine, KvEventsAt } from "../base/mod.ts";
import { type FeedParts, KvFeed } from "./kv_feed.ts";
import { type KvCache, KvIndex, type KvIndexOptions } from "./kv_index.ts";
import type { KvPrompt, PromptMaking } from "./kv_prompt.ts";

/** What happens to an engine, as far as it matters here. */
export interface EngineNews {
  readonly kind: "added" | "changed" | "leaving" | "removed" | "forgotten";
  readonly engine: Engine;
}

/** One data-parallel rank. */
interface Rank {
  readonly feed: KvFeed;
  readonly cache: KvCache;
}

interface Watched {
  /** As it is written in the engine's record. */
  readonly at: string;
  readonly ranks: readonly Rank[];
}

/** Follows engines until it is disposed. */
export class KvWatch implements AsyncDisposable {
  readonly index: KvIndex;
  readonly #parts: FeedParts;
  readonly #engines = new Map<string, Watched>();
  readonly #ending = new Set<Promise<void>>();
  #stopped = false;

  constructor(options: KvIndexOptions, parts: FeedParts) {
    this.index = new KvIndex(options);
    this.#parts = parts;
  }

  /** Caches that are followed, and those of them of which all is known. */
  get feeds(): { readonly followed: number; readonly known: number } {
    const ranks = [...this.#engines.values()].flatMap((watched) => watched.ranks);
    return { followed: ranks.length, known: ranks.filter(({ feed }) => feed.known).length };
  }

  /** Learn of an engine. Decode engines are not followed: what they hold was sent to them. */
  follow({ kind, engine }: EngineNews): void {
    if (kind === "removed") return this.#leave(engine.id);
    if ((kind !== "added" && kind !== "changed") || this.#stopped) return;
    const source = engine.role === "decode" ? undefined : engine.kvEvents;
    const at = JSON.stringify(source);
    if (this.#engines.get(engine.id)?.at === at) return;
    this.#leave(engine.id);
    if (source !== undefined) this.#engines.set(engine.id, { at, ranks: this.#ranksOf(source) });
  }

  /** A prompt, to be asked what each engine has of it. */
  prompt(ids: Int32Array, making: PromptMaking): KvPrompt {
    return this.index.prompt(ids, making);
  }

  /**
   * Tokens of `prompt` that the engine `id` has; undefined where nobody knows. Of several ranks, what one
   * of them has on average: it is the engine that chooses among them.
   */
  cachedAt(prompt: KvPrompt, id: string): number | undefined {
    const ranks = this.#engines.get(id)?.ranks;
    if (ranks === undefined || !ranks.some(({ feed }) => feed.known)) return undefined;
    let sum = 0;
    for (const { feed, cache } of ranks) if (feed.known) sum += prompt.cachedIn(cache);
    return Math.floor(sum / ranks.length);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
    for (const id of [...this.#engines.keys()]) this.#leave(id);
    await Promise.all(this.#ending);
  }

  #ranksOf({ events, replay, topic, ranks }: KvEventsAt): readonly Rank[] {
    return Array.from({ length: ranks }, (_, rank) => {
      const shifted = <At extends { readonly port: number }>(at: At): At => ({
        ...at,
        port: at.port + rank,
      });
      const cache = this.index.open();
      const source = { events: shifted(events), replay: replay && shifted(replay), topic };
      return { cache, feed: new KvFeed(source, cache, this.#parts) };
    });
  }

  #leave(id: string): void {
    const watched = this.#engines.get(id);
    if (watched === undefined) return;
    this.#engines.delete(id);
    for (const { feed } of watched.ranks) {
      const ending = feed[Symbol.asyncDispose]().finally(() => this.#ending.delete(ending));
      this.#ending.add(ending);
    }
  }
}
