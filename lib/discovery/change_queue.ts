/** What is to be told of engines, until it is read: of each engine how it is at last. @module */
import type { Engine } from "../base/mod.ts";
import type { SourceChange } from "../fleet/mod.ts";

/** An engine that is there. */
export interface Standing {
  readonly engine: Engine;
  readonly leaving: boolean;
  /** Undefined where its source does not know. */
  readonly asleep?: boolean | undefined;
}

/** Holds one state of each engine at most, in the order in which engines were first changed. */
export class ChangeQueue {
  readonly #waiting = new Map<string, Standing | undefined>();
  #synced = false;
  #wake = Promise.withResolvers<void>();

  /** Have told how the engine `id` is; undefined for one that is gone. */
  push(id: string, standing: Standing | undefined): void {
    this.#waiting.set(id, standing);
    this.#wake.resolve();
  }

  /** Have told, behind all that waits, that everything there was at the beginning has been. */
  sync(): void {
    this.#synced = true;
    this.#wake.resolve();
  }

  /** All changes, until `stop` aborts; for one reader. */
  async *read(stop: AbortSignal): AsyncGenerator<SourceChange> {
    const end = (): void => this.#wake.resolve();
    stop.addEventListener("abort", end, { once: true });
    try {
      while (!stop.aborted) {
        const [next] = this.#waiting;
        if (next !== undefined) {
          this.#waiting.delete(next[0]);
          yield* changesOf(...next);
        } else if (this.#synced) {
          this.#synced = false;
          yield { kind: "synced" };
        } else {
          this.#wake = Promise.withResolvers();
          await this.#wake.promise;
        }
      }
    } finally {
      stop.removeEventListener("abort", end);
    }
  }
}

function* changesOf(id: string, standing: Standing | undefined): Generator<SourceChange> {
  if (standing === undefined) return yield { kind: "remove", id };
  const { engine, leaving, asleep } = standing;
  yield { kind: "upsert", engine, ...(asleep === undefined ? {} : { asleep }) };
  if (leaving) yield { kind: "leaving", id };
}
