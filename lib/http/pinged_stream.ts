/** Streams of events that say something while there is nothing to say. @module */
import { type Clock, encodeUtf8, type RouterError } from "../base/mod.ts";
import type { ByteSource } from "../request/mod.ts";
import { StreamEnd } from "./event_stream.ts";

/** A comment, which no client reads. */
const PING = ": ping\n\n";

/** Longest silence between two events, in milliseconds: balancers end connections after 60 s. */
export const PING_MS = 5_000;

/** `source`, a stream of events, with a comment wherever it is silent between two. */
export class PingedStream implements ByteSource {
  readonly #source: ByteSource;
  readonly #clock: Clock;
  readonly #end = new StreamEnd();
  /** What is being read; a comment does not end the wait for it. */
  #reading: Promise<Uint8Array | undefined> | undefined;
  #pingsFirst: boolean;

  /** With `pingsFirst` a comment stands before all events. */
  constructor(source: ByteSource, clock: Clock, pingsFirst = false) {
    this.#source = source;
    this.#clock = clock;
    this.#pingsFirst = pingsFirst;
  }

  get failure(): RouterError | undefined {
    return this.#source.failure;
  }

  async read(): Promise<Uint8Array | undefined> {
    if (this.#pingsFirst) {
      this.#pingsFirst = false;
      return encodeUtf8(PING);
    }
    this.#reading ??= this.#begin();
    const bytes = this.#end.isBetweenEvents
      ? await this.#unlessSilent(this.#reading)
      : await this.#reading;
    if (bytes === "silent") return encodeUtf8(PING);
    this.#reading = undefined;
    if (bytes !== undefined) this.#end.note(bytes);
    return bytes;
  }

  cancel(): void {
    this.#source.cancel();
  }

  #begin(): Promise<Uint8Array | undefined> {
    const reading = this.#source.read();
    // What it rejects with is told to whoever reads on; after a comment, perhaps nobody does.
    reading.catch(() => {});
    return reading;
  }

  async #unlessSilent<T>(reading: Promise<T>): Promise<T | "silent"> {
    const silence = Promise.withResolvers<"silent">();
    using _timer = this.#clock.after(PING_MS, () => silence.resolve("silent"));
    return await Promise.race([reading, silence.promise]);
  }
}
