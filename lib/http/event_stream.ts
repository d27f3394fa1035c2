/** Streams of events that break: what went wrong is told as their last event. @module */
import { CR, LF, RouterError } from "../base/mod.ts";
import type { ByteSource } from "../request/mod.ts";
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
  return {
    async read() {
      if (failure !== undefined) return undefined;
      try {
        const bytes = await source.read();
        if (bytes !== undefined) end.note(bytes);
        return bytes;
      } catch (error) {
        const known = error instanceof RouterError && error.code !== "client-gone";
        if (!known || !end.isBetweenEvents) throw error;
        failure = error;
        return errorEventFor({ path, requestId, told }, error);
      }
    },
    cancel: () => source.cancel(),
    get failure() {
      return failure ?? source.failure;
    },
  };
}

/** The end of what has come of a stream, in which an event may end: bytes may come one by one. */
export class StreamEnd {
  #last: Uint8Array | undefined;

  /** These bytes have come. */
  note(bytes: Uint8Array): void {
    if (bytes.length > 0) this.#last = joinedEnd(this.#last, bytes);
  }

  /** Whether nothing of an event has come that has not ended. */
  get isBetweenEvents(): boolean {
    return this.#last === undefined || endsEvent(this.#last);
  }
}

/** As much of the end as says whether an event ends. */
function joinedEnd(before: Uint8Array | undefined, bytes: Uint8Array): Uint8Array {
  if (bytes.length >= 4 || before === undefined) return bytes.slice(-4);
  const joined = new Uint8Array(before.length + bytes.length);
  joined.set(before);
  joined.set(bytes, before.length);
  return joined.subarray(-4);
}

/** Whether `bytes` end in an empty line. */
function endsEvent(bytes: Uint8Array): boolean {
  if (bytes.at(-1) !== LF) return false;
  return bytes.at(-2) === LF || (bytes.at(-2) === CR && bytes.at(-3) === LF);
}
