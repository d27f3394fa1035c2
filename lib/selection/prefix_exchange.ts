/** Which engines have met which beginnings of prompts, exchanged with other routers. @module */
import type { PrefixIndex } from "./prefix_index.ts";

/** Chunks that are kept to be told, at most: what is more is told to nobody. */
const MAX_CHUNKS = 8_192;

/** Chunks of one prompt that are told, at most: the first of them. */
const MAX_PROMPT_CHUNKS = 1_024;

/** An engine has met a prompt. */
export interface Met {
  readonly id: string;
  readonly chunks: Float64Array;
}

/** Between one router's index, whichever is in force, and those of others. */
export class PrefixExchange {
  #index: PrefixIndex | undefined;
  #met: Met[] = [];
  #chunks = 0;

  /** What is heard goes to `index` from here on. */
  attach(index: PrefixIndex): void {
    this.#index = index;
  }

  /** By this router's choice the engine `id` meets `chunks`, of which it has not met all before. */
  met(id: string, chunks: Float64Array): void {
    if (this.#chunks >= MAX_CHUNKS) return;
    const told = chunks.subarray(0, MAX_PROMPT_CHUNKS);
    this.#chunks += told.length;
    this.#met.push({ id, chunks: told });
  }

  /** What others have not been told yet; it is told by that. */
  take(): readonly Met[] {
    const met = this.#met;
    if (met.length === 0) return met;
    this.#met = [];
    this.#chunks = 0;
    return met;
  }

  /** By another router's choice the engine `id` has met `chunks`. */
  hear(id: string, chunks: Float64Array): void {
    this.#index?.add(id, chunks);
  }
}
