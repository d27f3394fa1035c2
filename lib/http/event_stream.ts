/** Streams of events that break: what went wrong is told as their last event. @module */
import { CR, LF, RouterError } from "../base/mod.ts";
import { type ByteSource, sourceOf } from "../request/mod.ts";
import { errorEventFor, type Telling } from "./dialect.ts";

/**
 * `source`, the stream of an answer of `path`: when the engine fails between two events, an error
 * event ends it. Within an event it rejects as before, since nothing can be said there.
 */
export function tellingFailure(
  source: ByteSource,
  path: string,
  { requestId = "", told = (error) => error }: Partial<Omit<Telling, "path">> = {},
): ByteSource {
  const end = new StreamEnd();
  let failure: RouterError | undefined;
  // Each event passes here: a function that is async costs three turns of the queue, this costs one.
  const onBytes = (bytes: Uint8Array | undefined): Uint8Array | undefined => {
    if (bytes !== undefined) end.note(bytes);
    return bytes;
  };
  const onError = (error: unknown): Uint8Array => {
    const known = error instanceof RouterError && error.code !== "client-gone";
    if (!known || !end.isBetweenEvents) throw error;
    failure = error;
    return errorEventFor({ path, requestId, told }, error);
  };
  return sourceOf({
    read: () => failure === undefined ? source.read().then(onBytes, onError) : NOTHING_MORE,
    cancel: () => source.cancel(),
    failure: () => failure ?? source.failure,
  });
}

const NOTHING_MORE: Promise<undefined> = Promise.resolve(undefined);

/** The end of what has come of a stream, in which an event may end: bytes may come one by one. */
export class StreamEnd {
  /** The last three bytes, the last of all in the lowest eight bits; more do not matter. */
  #last = 0;
  #begun = false;

  /** These bytes have come. */
  note(bytes: Uint8Array): void {
    const { length } = bytes;
    if (length === 0) return;
    this.#begun = true;
    for (let at = Math.max(0, length - 3); at < length; at++) {
      this.#last = ((this.#last << 8) | (bytes[at] ?? 0)) & 0xffffff;
    }
  }

  /** Whether nothing of an event has come that has not ended. */
  get isBetweenEvents(): boolean {
    return !this.#begun || endsEvent(this.#last);
  }
}

/** Whether three bytes, the last in the lowest bits, end in an empty line. */
function endsEvent(last: number): boolean {
  if ((last & 0xff) !== LF) return false;
  const before = (last >> 8) & 0xff;
  return before === LF || (before === CR && last >> 16 === LF);
}
