/** A body of an answer, in memory. @module */
import { encodeUtf8, type RouterError } from "../../lib/base/mod.ts";
import type { ByteSource } from "../../lib/request/mod.ts";

/** A body whose pieces come when the test says; it counts what is asked of it. */
export class FakeBody implements ByteSource {
  reads = 0;
  cancelled = false;
  failure: RouterError | undefined;
  readonly #pieces: (Uint8Array | Error)[] = [];
  #ended = false;
  #waiting: PromiseWithResolvers<Uint8Array | undefined> | undefined;

  /** With `texts`, they come at once, and then the end. */
  constructor(texts?: readonly string[]) {
    if (texts === undefined) return;
    this.send(...texts);
    this.end();
  }

  /** Have more of it come. */
  send(...texts: readonly string[]): void {
    for (const text of texts) this.#pieces.push(encodeUtf8(text));
    this.#serve();
  }

  /** Have pieces of it come, one for each read. */
  sendBytes(pieces: readonly Uint8Array[]): void {
    this.#pieces.push(...pieces);
    this.#serve();
  }

  /** Have a read fail. */
  break(error: Error): void {
    this.#pieces.push(error);
    this.#serve();
  }

  /** It is complete. */
  end(): void {
    this.#ended = true;
    this.#serve();
  }

  read(): Promise<Uint8Array | undefined> {
    this.reads++;
    if (this.#waiting !== undefined) throw new TypeError("A body was read twice at once");
    this.#waiting = Promise.withResolvers();
    const { promise } = this.#waiting;
    this.#serve();
    return promise;
  }

  cancel(): void {
    this.cancelled = true;
    this.#waiting?.resolve(undefined);
    this.#waiting = undefined;
  }

  #serve(): void {
    const waiting = this.#waiting;
    if (waiting === undefined || (this.#pieces.length === 0 && !this.#ended)) return;
    this.#waiting = undefined;
    const piece = this.#pieces.shift();
    if (piece instanceof Error) waiting.reject(piece);
    else waiting.resolve(piece);
  }
}
