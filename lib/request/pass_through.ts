/** An engine's body as it comes, for the client. @module */
import { RouterError } from "../base/mod.ts";
import type { Flight } from "../fleet/mod.ts";
import type { UpstreamResponse } from "../upstream/mod.ts";
import { type ByteSource, isEventStream, sourceOf } from "./answer.ts";
import { StreamTail } from "./stream_tail.ts";
import { isRefused, type Told } from "./told.ts";

/**
 * The rest of `response`, of which `begun` has been read; the flight ends when it does, or is left. A
 * stream that ends with the engine's word of a failure has failed, though it passes as it is.
 */
export function passThrough(
  flight: Flight,
  response: UpstreamResponse,
  begun?: Uint8Array,
): ByteSource {
  const streams = isEventStream(response);
  const tail = new StreamTail();
  if (begun !== undefined) tail.note(begun);
  let failure: RouterError | undefined;
  const close = (): void => {
    response[Symbol.dispose]();
    flight[Symbol.dispose]();
  };
  const end = (): undefined => {
    const told = streams ? tail.told() : undefined;
    const tokens = tail.tokens(streams);
    if (tokens !== undefined) flight.used(tokens);
    failure ??= told && failureOf(flight, told);
    if (failure === undefined || (told !== undefined && isRefused(told))) flight.ok();
    else flight.failed(failure);
    close();
  };
  let begins = streams;
  const onBytes = (bytes: Uint8Array | undefined): Uint8Array | undefined => {
    if (bytes === undefined) return end();
    tail.note(bytes);
    if (begins) {
      begins = false;
      flight.first();
    }
    return bytes.slice();
  };
  const onError = (error: unknown): never => {
    flight.failed(error);
    close();
    throw error;
  };
  return sourceOf({
    // As each event passes here, it is no function that is async.
    read: () => response.read().then(onBytes, onError),
    cancel: close,
    failure: () => failure,
  });
}

function failureOf({ engine }: Flight, { message, refusal }: Told): RouterError {
  const text = `Engine ${engine.url} failed in its stream: ${message}`;
  return new RouterError("decode-failed", text, { refusal });
}
