/** What a source has found and nobody has read yet: of each engine how it is at last. @module */
import type { FoundChange, FoundEngine } from "./found.ts";
import { LatestQueue } from "./latest_queue.ts";

/** Of a source, for the book. */
export class FoundQueue {
  readonly #queue = new LatestQueue<FoundEngine>();

  /** Have told that an engine is there, or is another. */
  found(engine: FoundEngine): void {
    this.#queue.push(engine.key, engine);
  }

  /** Have told that it is gone. */
  lost(key: string): void {
    this.#queue.push(key, undefined);
  }

  /** Have told, behind all that waits, that everything there was at the beginning has been. */
  sync(): void {
    this.#queue.sync();
  }

  /** Have the reading end with `error`. */
  fail(error: unknown): void {
    this.#queue.fail(error);
  }

  /** All changes, until `stop` aborts; for one reader. */
  read(stop: AbortSignal): AsyncGenerator<FoundChange> {
    return this.#queue.read(stop, changesOf);
  }
}

function changesOf(key: string, engine: FoundEngine | undefined): readonly FoundChange[] {
  return [engine === undefined ? { kind: "lost", key } : { kind: "found", engine }];
}
