/** An engine's body as it comes, for the client. @module */
import { RouterError } from "../base/mod.ts";
import type { Flight } from "../fleet/mod.ts";
import type { UpstreamResponse } from "../upstream/mod.ts";
import { type ByteSource, isEventStream } from "./answer.ts";
import { StreamTail } from "./stream_tail.ts";
import { isRefused, type Told } from "./told.ts";

/**
 * The rest of `response`; the flight ends when it does, or is left. A stream that ends with the engine's
 * word of a failure has failed, though it passes as it is.
 */
export function passThrough(flight: Flight, response: UpstreamResponse): ByteSource {
  const tail = isEventStream(response) ? new StreamTail() : undefined;
  let failure: RouterError | undefined;
  const close = (): void => {
    response[Symbol.dispose]();
    flight[Symbol.dispose]();
  };
  return {
    async read() {
      try {
        const bytes = await response.read();
        if (bytes !== undefined) {
          tail?.note(bytes);
          return bytes.slice();
        }
      } catch (error) {
        flight.failed(error);
        close();
        throw error;
      }
      const told = tail?.told();
      failure ??= told && failureOf(flight, told);
      if (failure === undefined || (told !== undefined && isRefused(told))) flight.ok();
      else flight.failed(failure);
      close();
      return undefined;
    },
    cancel: close,
    get failure() {
      return failure;
    },
  };
}

function failureOf({ engine }: Flight, { message, refusal }: Told): RouterError {
  const text = `Engine ${engine.url} failed in its stream: ${message}`;
  return new RouterError("decode-failed", text, { refusal });
}
