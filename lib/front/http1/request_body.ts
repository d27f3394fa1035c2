/** Bodies of requests, as handlers read them. @module */
import { RouterError } from "../../base/mod.ts";
import { ChunkedBody, WireError } from "../../http1/mod.ts";
import type { FrontBody } from "../contract/mod.ts";
import type { Intake } from "./intake.ts";

const END: Promise<undefined> = Promise.resolve(undefined);

/** The body of a request that has none. */
export const NO_BODY: FrontBody = { length: 0, read: () => END };

/** A body that was here with its head. */
export class WholeBody implements FrontBody {
  readonly length: number;
  readonly here: Uint8Array;
  #ended = false;

  constructor(bytes: Uint8Array) {
    this.length = bytes.length;
    this.here = bytes;
  }

  read(): Promise<Uint8Array | undefined> {
    if (this.#ended) return END;
    this.#ended = true;
    return Promise.resolve(this.here);
  }
}

/** Where the bytes of an arriving body come from, framing removed. */
export interface BodyFeed {
  /** True when the last byte, framing included, has been taken. */
  readonly done: boolean;
  /** Bytes still to come, as far as that is known. */
  readonly left: number | undefined;
  /** What is here, the taker's to keep; undefined for nothing. Throws `WireError`. */
  take(): Uint8Array | undefined;
}

/** A chunked body out of the window. */
export class ChunkedFeed implements BodyFeed {
  readonly left = undefined;
  readonly #intake: Intake;
  readonly #decoder = new ChunkedBody({ strict: true });

  constructor(intake: Intake) {
    this.#intake = intake;
  }

  get done(): boolean {
    return this.#decoder.done;
  }

  take(): Uint8Array | undefined {
    return this.#decoder.take(this.#intake.window)?.slice();
  }
}

/** Who sees to it that a body arrives. */
export interface BodyOwner {
  /** The handler waits for bytes. */
  onBodyAwaited(): void;
  /** It does so no more. */
  onBodyGot(): void;
  /** Bytes were taken: there is room for more. */
  onBodyTaken(): void;
  /** Reading has come to where the client has ended it, and that is not its end. */
  onBodyCut(): void;
}

/** A body that was not all here with its head. */
export class ArrivingBody implements FrontBody {
  readonly length: number | undefined;
  readonly #feed: BodyFeed;
  readonly #owner: BodyOwner;
  #waiter: PromiseWithResolvers<Uint8Array | undefined> | undefined;
  /** What reading fails with. */
  #failure: RouterError | undefined;
  /** What it fails with behind what has arrived: no more will. */
  #ending: RouterError | undefined;
  #malformed = false;

  constructor(length: number | undefined, feed: BodyFeed, owner: BodyOwner) {
    this.length = length;
    this.#feed = feed;
    this.#owner = owner;
  }

  /** True when all of it was taken, so that what follows is the next request. */
  get done(): boolean {
    return this.#feed.done;
  }

  /** True when reading it fails. */
  get failed(): boolean {
    return this.#failure !== undefined;
  }

  /** True when its end cannot be found. */
  get malformed(): boolean {
    return this.#malformed;
  }

  /** Bytes still to come, as far as that is known. */
  get left(): number | undefined {
    return this.#feed.left;
  }

  read(): Promise<Uint8Array | undefined> {
    if (this.#waiter !== undefined) {
      return Promise.reject(new RouterError("internal", "Cannot read a body twice at once"));
    }
    const bytes = this.#failure === undefined ? this.#take() : undefined;
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (bytes !== undefined) {
      this.#owner.onBodyTaken();
      return Promise.resolve(bytes);
    }
    if (this.#feed.done) return END;
    if (this.#ending !== undefined) return Promise.reject(this.#cut(this.#ending));
    const waiter = Promise.withResolvers<Uint8Array | undefined>();
    this.#waiter = waiter;
    this.#owner.onBodyAwaited();
    return waiter.promise;
  }

  /** More has arrived. */
  arrived(): void {
    const waiter = this.#waiter;
    if (waiter === undefined) return;
    const bytes = this.#take();
    if (this.#failure !== undefined) return this.#reject(this.#failure);
    if (bytes === undefined && !this.#feed.done) return;
    this.#waiter = undefined;
    this.#owner.onBodyGot();
    waiter.resolve(bytes);
  }

  /** Reading fails with `error` from here on, unless it has failed or has come to the end. */
  close(error: RouterError): void {
    if (this.#feed.done) return;
    this.#failure ??= error;
    this.#reject(this.#failure);
  }

  /** No more will arrive: reading fails with `error` behind what is here, unless that is the end. */
  end(error: RouterError): void {
    if (this.#feed.done) return;
    this.#ending = error;
    if (this.#waiter !== undefined) this.#reject(this.#cut(error));
  }

  /** Throw away what is here; how many bytes that was. */
  pass(): number {
    let size = 0;
    for (let bytes = this.#take(); bytes !== undefined; bytes = this.#take()) size += bytes.length;
    return size;
  }

  #cut(error: RouterError): RouterError {
    this.#failure = error;
    this.#owner.onBodyCut();
    return error;
  }

  #reject(error: RouterError): void {
    const waiter = this.#waiter;
    if (waiter === undefined) return;
    this.#waiter = undefined;
    this.#owner.onBodyGot();
    waiter.reject(error);
  }

  #take(): Uint8Array | undefined {
    try {
      return this.#feed.take();
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#malformed = true;
      const message = `The request body's chunked coding is malformed: ${error.message}`;
      this.#failure ??= new RouterError("bad-request", message, { cause: error });
      return undefined;
    }
  }
}
