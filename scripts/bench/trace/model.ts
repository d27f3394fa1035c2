/** A model of an engine: a queue of prefills, a prefix cache, and requests that decode together. @module */
import type { Events } from "./events.ts";
import { BLOCK_TOKENS, type Turn } from "./workload.ts";

/** Tokens of KV that a cache holds, as of a model of 8 billion parameters on a GPU of 80 GB. */
const CACHE_TOKENS = 131_072;

/** Prompt tokens computed per second, and what each prefill takes besides, in seconds. */
const PREFILL_RATE = 8_000;
const PREFILL_SECONDS = 0.015;

/** Share by which each request that decodes beside it makes a prefill longer. */
const BESIDE = 0.01;

/** Seconds of a step of decoding, and of each request in it. */
const STEP_SECONDS = 0.015;
const STEP_EACH = 0.0003;

/** What an engine did. */
export interface Done {
  requests: number;
  /** Prompt tokens, and how many of them it had. */
  tokens: number;
  hits: number;
  /** Seconds of prefills, and of steps as if each request had its share of them. */
  busy: number;
}

/** One block came into a cache, or went out of it. */
export type CacheEvent = { readonly block: number; readonly stored: boolean };

/** Blocks of KV, of which the one used longest ago goes first; of one prompt the last. */
class BlockCache {
  readonly #blocks = new Set<number>();
  readonly #onEvent: (event: CacheEvent) => void;

  constructor(onEvent: (event: CacheEvent) => void) {
    this.#onEvent = onEvent;
  }

  /** Blocks of `turn` that are there, from the first on. */
  held({ block, promptTokens }: Turn): number {
    const most = Math.floor((promptTokens - 1) / BLOCK_TOKENS);
    let count = 0;
    while (count < most && this.#blocks.has(block(count))) count++;
    return count;
  }

  /** The first `tokens` of `turn` are there. */
  store({ block }: Turn, tokens: number): void {
    for (let index = Math.floor(tokens / BLOCK_TOKENS) - 1; index >= 0; index--) {
      const number = block(index);
      if (!this.#blocks.delete(number)) this.#onEvent({ block: number, stored: true });
      this.#blocks.add(number);
    }
    for (const oldest of this.#blocks) {
      if (this.#blocks.size * BLOCK_TOKENS <= CACHE_TOKENS) break;
      this.#blocks.delete(oldest);
      this.#onEvent({ block: oldest, stored: false });
    }
  }
}

/** One engine. */
export class ModelEngine {
  readonly done: Done = { requests: 0, tokens: 0, hits: 0, busy: 0 };
  readonly #events: Events;
  readonly #cache: BlockCache;
  readonly #queue: (() => void)[] = [];
  #prefilling = false;
  #decoding = 0;

  constructor(events: Events, onCache: (event: CacheEvent) => void) {
    this.#events = events;
    this.#cache = new BlockCache(onCache);
  }

  /** Compute the prompt of `turn`, one prompt after the other; `onEnd` is told when it is. */
  prefill(turn: Turn, onEnd: () => void): void {
    this.#queue.push(() => {
      const hits = this.#cache.held(turn) * BLOCK_TOKENS;
      const seconds = PREFILL_SECONDS + (turn.promptTokens - hits) / PREFILL_RATE;
      this.done.requests++;
      this.done.tokens += turn.promptTokens;
      this.done.hits += hits;
      this.done.busy += seconds;
      this.#events.after(seconds * (1 + BESIDE * this.#decoding), () => {
        this.#cache.store(turn, turn.promptTokens);
        onEnd();
        this.#next();
      });
    });
    if (!this.#prefilling) this.#next();
  }

  /** Decode the answer, whose KV is there from here on. */
  decode(turn: Turn, onEnd: () => void): void {
    this.#decoding++;
    const step = STEP_SECONDS + STEP_EACH * this.#decoding;
    this.done.busy += turn.answerTokens * step / this.#decoding;
    this.#events.after(turn.answerTokens * step, () => {
      this.#decoding--;
      this.#cache.store(turn, turn.promptTokens + turn.answerTokens);
      onEnd();
    });
  }

  #next(): void {
    const begin = this.#queue.shift();
    this.#prefilling = begin !== undefined;
    begin?.();
  }
}
