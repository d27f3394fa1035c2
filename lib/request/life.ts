/** How long a request may take over all, from its arrival to its last byte. @module */
import {
  type AbortWatch,
  type Clock,
  errorCodeOf,
  LazyAbort,
  RouterError,
  type Timer,
} from "../base/mod.ts";
import type { Answer, ByteSource } from "./answer.ts";
import { isWhole, sourceOf } from "./answer.ts";

/**
 * One request's time. When it is up, everything that is done for the request ends as if its client had
 * gone, but the client is told.
 */
export class RequestLife implements Disposable {
  readonly #end = new LazyAbort();
  readonly #client: AbortWatch;
  readonly #timer: Timer;
  readonly #onGone = (): void => this.#end.abort(this.#client.reason);
  #expired: RouterError | undefined;
  /** Who waits to be told. */
  #onExpired: (error: RouterError) => void = () => {};

  /** `client` aborts when the client has gone. */
  constructor(clock: Pick<Clock, "after">, client: AbortWatch, limitMs: number) {
    this.#client = client;
    this.#timer = clock.after(limitMs, () => this.#expire(limitMs));
    if (client.aborted) this.#onGone();
    else client.addEventListener("abort", this.#onGone, { once: true });
  }

  /** Aborts when the client has gone, or the time is up. */
  get signal(): AbortWatch {
    return this.#end;
  }

  /**
   * What `work` gives, its body bound to the time that is left. Rejects with `request-timeout` when the
   * time is up before; what `work` gives then is given back.
   */
  async bound<A extends Answer>(work: Promise<A>): Promise<A> {
    const answer = await new Promise<A>((resolve, reject) => {
      this.#onExpired = reject;
      work.then((late) => {
        if (this.#expired !== undefined && !isWhole(late.body)) late.body.cancel();
        resolve(late);
      }, (error: unknown) => reject(this.#told(error)));
    });
    const { body } = answer;
    return isWhole(body) ? answer : { ...answer, body: this.#bounded(body) };
  }

  [Symbol.dispose](): void {
    this.#timer.cancel();
    this.#client.removeEventListener("abort", this.#onGone);
  }

  #expire(limitMs: number): void {
    this.#expired = new RouterError(
      "request-timeout",
      `The answer was not complete within ${limitMs} ms (--request-timeout)`,
    );
    this.#end.abort(this.#expired);
    this.#onExpired(this.#expired);
  }

  /** What ended at the time's end, as everything does, ended because of it. */
  #told(error: unknown): unknown {
    return errorCodeOf(error) === "client-gone" ? this.#expired ?? error : error;
  }

  #bounded(source: ByteSource): ByteSource {
    let told = false;
    const onBytes = (bytes: Uint8Array | undefined): Uint8Array | undefined => {
      if (this.#expired === undefined) return bytes;
      if (told) return undefined;
      told = true;
      throw this.#expired;
    };
    const onError = (error: unknown): never => {
      throw this.#told(error);
    };
    return sourceOf({
      read: () => source.read().then(onBytes, onError),
      cancel: () => source.cancel(),
      failure: () => source.failure,
    });
  }
}
