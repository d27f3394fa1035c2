/** What a source has found and nobody has read yet: of each engine how it is at last. @module */
import type { FoundChange, FoundEngine } from "./found.ts";

/** Holds one state of each engine at most. */
export class FoundQueue {
  readonly #waiting = new Map<string, FoundEngine | undefined>();
  #synced = false;
  #failure: { readonly error: unknown } | undefined;
  #wake = Promise.withResolvers<void>();

  /** Have told that an engine is there, or is another. */
  found(engine: FoundEngine): void {
    this.#waiting.set(engine.key, engine);
    this.#wake.resolve();
  }

  /** Have told that it is gone. */
  lost(key: string): void {
    this.#waiting.set(key, undefined);
    this.#wake.resolve();
  }

  /** Have told, behind all that waits, that everything there was at the beginning has been. */
  sync(): void {
    this.#synced = true;
    this.#wake.resolve();
  }

  /** Have the reading end with `error`. */
  fail(error: unknown): void {
    this.#failure ??= { error };
    this.#wake.resolve();
  }

  /** All changes, until `stop` aborts; for one reader. */
  async *read(stop: AbortSignal): AsyncGenerator<FoundChange> {
    const end = (): void => this.#wake.resolve();
    stop.addEventListener("abort", end, { once: true });
    try {
      while (!stop.aborted) {
        if (this.#failure !== undefined) throw this.#failure.error;
        const [next] = this.#waiting;
        if (next !== undefined) {
          const [key, engine] = next;
          this.#waiting.delete(key);
          yield engine === undefined ? { kind: "lost", key } : { kind: "found", engine };
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
