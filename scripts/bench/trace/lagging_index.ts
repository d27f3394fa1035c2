/** What engines hold as a reader of their KV events knows it. @module */
import type { Events } from "./events.ts";
import type { CacheEvent } from "./model.ts";
import { BLOCK_TOKENS, type Turn } from "./workload.ts";

/** Blocks of one engine, each known so many seconds after it came or went. */
export class LaggingIndex {
  readonly #events: Events;
  readonly #lag: number;
  readonly #blocks = new Set<number>();
  /** Events that are not known yet, the earliest first. */
  readonly #due: { readonly at: number; readonly event: CacheEvent }[] = [];
  #read = 0;

  constructor(events: Events, lagSeconds: number) {
    this.#events = events;
    this.#lag = lagSeconds;
  }

  /** Something happened in the engine's cache. */
  tell(event: CacheEvent): void {
    this.#due.push({ at: this.#events.now + this.#lag, event });
  }

  /** Tokens of the prompt of `turn` that are known to be there. */
  held({ block, promptTokens }: Turn): number {
    this.#catchUp();
    let count = 0;
    while ((count + 1) * BLOCK_TOKENS <= promptTokens && this.#blocks.has(block(count))) count++;
    return count * BLOCK_TOKENS;
  }

  #catchUp(): void {
    for (; this.#read < this.#due.length; this.#read++) {
      const due = this.#due[this.#read];
      if (due === undefined || due.at > this.#events.now) break;
      if (due.event.stored) this.#blocks.add(due.event.block);
      else this.#blocks.delete(due.event.block);
    }
    if (this.#read < 65_536) return;
    this.#due.splice(0, this.#read);
    this.#read = 0;
  }
}
