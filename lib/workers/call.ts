/** One call over a link: a head and a body there, a head and a body back, each as fast as it is taken. @module */
import { RouterError } from "../base/mod.ts";

/** Bytes of a body that may be on their way to who has not taken them. */
export const WINDOW = 256 * 1024;

/** Longest piece of a body, in bytes: what is urgent waits for no longer one. */
export const PIECE = 64 * 1024;

/** What a call sends by. */
export interface CallWire {
  head(bytes: Uint8Array): void;
  data(bytes: Uint8Array): void;
  end(): void;
  credit(bytes: number): void;
  reset(why: string): void;
  /** The call is over on both sides: nothing of it will come any more. */
  forget(): void;
}

/** Either end of a call. Nothing of it rejects but with `RouterError`. */
export class Call {
  readonly #wire: CallWire;
  readonly #head = Promise.withResolvers<Uint8Array>();
  readonly #gone = new AbortController();
  #credit = WINDOW;
  #mayMore: PromiseWithResolvers<void> | undefined;
  /** What has come and was not read. */
  #came: Uint8Array[] = [];
  #held = 0;
  #more: PromiseWithResolvers<void> | undefined;
  #failure: RouterError | undefined;
  #sentEnd = false;
  #cameEnd = false;

  constructor(wire: CallWire) {
    this.#wire = wire;
    // Whoever looks at no head is told by what he reads.
    this.#head.promise.catch(() => {});
  }

  /** The other end's head; rejects where it has none to give any more. */
  get head(): Promise<Uint8Array> {
    return this.#head.promise;
  }

  /** Aborts when the call is over before its end. */
  get signal(): AbortSignal {
    return this.#gone.signal;
  }

  /** Give the head. */
  answer(head: Uint8Array): void {
    if (this.#failure === undefined) this.#wire.head(head);
  }

  /** Send some of the body; resolves when it is on its way, rejects where nobody wants it. */
  async send(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      while (this.#credit <= 0 && this.#failure === undefined) {
        await (this.#mayMore ??= Promise.withResolvers()).promise;
      }
      if (this.#failure !== undefined) throw this.#failure;
      const piece = bytes.subarray(at, at + Math.min(PIECE, this.#credit));
      this.#credit -= piece.length;
      at += piece.length;
      this.#wire.data(piece);
    }
  }

  /** Nothing more will be sent. */
  end(): void {
    if (this.#sentEnd || this.#failure !== undefined) return;
    this.#sentEnd = true;
    this.#wire.end();
    this.#settle();
  }

  /** The next bytes of the other end's body; undefined at its end. Rejects where it is cut short. */
  async read(): Promise<Uint8Array | undefined> {
    for (;;) {
      const bytes = this.#came.shift();
      if (bytes !== undefined) {
        this.#held -= bytes.length;
        if (!this.#cameEnd) this.#wire.credit(bytes.length);
        return bytes;
      }
      if (this.#cameEnd) return undefined;
      if (this.#failure !== undefined) throw this.#failure;
      await (this.#more ??= Promise.withResolvers()).promise;
    }
  }

  /** Have it over at once, on both ends; after its end, nothing happens. */
  cancel(why: string): void {
    if (this.#failure !== undefined || (this.#sentEnd && this.#cameEnd)) return;
    this.#wire.reset(why);
    this.fail(new RouterError("client-gone", why));
  }

  /** A head has come. */
  onHead(head: Uint8Array): void {
    this.#head.resolve(head);
  }

  /** Some of the body has come. */
  onData(bytes: Uint8Array): void {
    if (this.#failure !== undefined || bytes.length === 0) return;
    this.#held += bytes.length;
    // Nobody may hold more for it than was agreed.
    if (this.#held > WINDOW || this.#cameEnd) return this.cancel("More has come than may");
    this.#came.push(bytes);
    this.#wake();
  }

  /** The body has come to its end. */
  onEnd(): void {
    if (this.#failure !== undefined) return;
    this.#cameEnd = true;
    this.#head.reject(new RouterError("internal", "The answer has ended without a head"));
    this.#wake();
    this.#settle();
  }

  /** The other end has read so many bytes. */
  onCredit(bytes: number): void {
    this.#credit = Math.min(WINDOW, this.#credit + bytes);
    this.#wake();
  }

  /** It is over for `error`, before its end. */
  fail(error: RouterError): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    this.#came = [];
    this.#head.reject(error);
    this.#gone.abort(error);
    this.#wire.forget();
    this.#wake();
  }

  #settle(): void {
    if (this.#sentEnd && this.#cameEnd) this.#wire.forget();
  }

  #wake(): void {
    this.#more?.resolve();
    this.#more = undefined;
    this.#mayMore?.resolve();
    this.#mayMore = undefined;
  }
}
