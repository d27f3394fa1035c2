/** Streams of events that break: what went wrong is told as their last event. @module */
import { CR, LF, RouterError } from "../base/mod.ts";
import type { ByteSource } from "../request/mod.ts";
import { errorBodyOf } from "../openai/mod.ts";
import { jsonEvent } from "../sse/mod.ts";
import { withCauses } from "./causes.ts";

/** Endpoints whose streams name their events. */
const NAMED = new Set(["/v1/messages", "/v1/responses"]);

/**
 * `source`, the stream of an answer of `path`: when the engine fails between two events, an error
 * event ends it. Within an event it rejects as before, since nothing can be said there.
 */
export function tellingFailure(source: ByteSource, path: string): ByteSource {
  /** The last bytes that were read, in which an event may end. */
  let last: Uint8Array | undefined;
  let failure: RouterError | undefined;
  return {
    async read() {
      if (failure !== undefined) return undefined;
      try {
        const bytes = await source.read();
        if (bytes !== undefined && bytes.length > 0) last = joinedEnd(last, bytes);
        return bytes;
      } catch (error) {
        const told = error instanceof RouterError && error.code !== "client-gone";
        if (!told || (last !== undefined && !endsEvent(last))) throw error;
        failure = error;
        return failureEvent(error, path);
      }
    },
    cancel: () => source.cancel(),
    get failure() {
      return failure ?? source.failure;
    },
  };
}

/** How an error is told in a stream of `path`. */
function failureEvent(error: RouterError, path: string): Uint8Array {
  const body = errorBodyOf(withCauses(error));
  if (!NAMED.has(path)) return jsonEvent(body);
  return jsonEvent({ type: "error", ...body }, "error");
}

/** As much of the end as says whether an event ends: bytes may come one by one. */
function joinedEnd(before: Uint8Array | undefined, bytes: Uint8Array): Uint8Array {
  if (bytes.length >= 4 || before === undefined) return bytes.subarray(-4);
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
