/** Answers' sources in the test's hands. @module */
import { encodeUtf8 } from "../../../../lib/base/mod.ts";
import type { ByteSource } from "../../../../lib/request/mod.ts";

/** A source whose every read the test answers. */
export class ScriptedSource implements ByteSource {
  /** Reads that were begun. */
  reads = 0;
  /** How often it was cancelled. */
  cancelled = 0;
  #waiting: PromiseWithResolvers<Uint8Array | undefined> | undefined;
  #ready: (Uint8Array | undefined | Error)[] = [];

  /** What the next reads bring: text or bytes, undefined for the end, an error to break with. */
  give(...pieces: readonly (string | Uint8Array | undefined | Error)[]): void {
    for (const piece of pieces) {
      this.#ready.push(typeof piece === "string" ? encodeUtf8(piece) : piece);
    }
    this.#pump();
  }

  read(): Promise<Uint8Array | undefined> {
    if (this.#waiting !== undefined) return Promise.reject(new Error("two reads at once"));
    this.reads++;
    this.#waiting = Promise.withResolvers();
    const { promise } = this.#waiting;
    this.#pump();
    return promise;
  }

  cancel(): void {
    this.cancelled++;
  }

  #pump(): void {
    const waiting = this.#waiting;
    if (waiting === undefined || this.#ready.length === 0) return;
    const piece = this.#ready.shift();
    this.#waiting = undefined;
    if (piece instanceof Error) waiting.reject(piece);
    else waiting.resolve(piece);
  }
}

/** A source of `pieces`. */
export function sourceOf(...pieces: readonly (string | Uint8Array | Error)[]): ScriptedSource {
  const source = new ScriptedSource();
  source.give(...pieces, undefined);
  return source;
}
