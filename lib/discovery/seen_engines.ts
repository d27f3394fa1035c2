/** Which engines of those that are seen are told of, and how. @module */
import type { FoundEngine } from "./found.ts";
import type { FoundQueue } from "./found_queue.ts";
import type { SeenEngine } from "./pod.ts";

interface Told {
  readonly uid: string;
  /** What was told, to tell the same once. */
  readonly text: string;
  /** A label has said whether it sleeps: without that label, it is awake. */
  readonly isSleepTold: boolean;
}

/**
 * An engine is told of once it serves. When it does not any more, and is still there, it leaves: it gets
 * nothing new, ends what it has, and may come back.
 */
export class SeenEngines {
  readonly #queue: Pick<FoundQueue, "found" | "lost">;
  readonly #told = new Map<string, Told>();

  constructor(queue: Pick<FoundQueue, "found" | "lost">) {
    this.#queue = queue;
  }

  /** How the engine under that name is. */
  put(name: string, { uid, serving, engine }: SeenEngine): void {
    const before = this.#told.get(name);
    const known = before?.uid === uid ? before : undefined;
    // One that has never served, another object of the same name too, is not there yet.
    if (!serving && known === undefined) return this.gone(name);
    const isSleepTold = known?.isSleepTold === true || engine.asleep !== undefined;
    const told: FoundEngine = {
      ...engine,
      asleep: isSleepTold ? engine.asleep === true : undefined,
      ...(serving ? {} : { leaving: true }),
    };
    const text = JSON.stringify(told);
    if (text === before?.text) return;
    this.#told.set(name, { uid, text, isSleepTold });
    this.#queue.found(told);
  }

  /** There is none under that name. */
  gone(name: string): void {
    if (this.#told.delete(name)) this.#queue.lost(name);
  }
}
