/** A provider's answer as it comes. @module */
import { RouterError } from "../base/mod.ts";
import type { ByteSource } from "../request/mod.ts";
import type { UpstreamResponse } from "../upstream/mod.ts";

/**
 * The body of `response`; `onEnd` is told once how it ended, with the error where it broke.
 *
 * @param worded An error in the words that clients may read.
 */
export function answerSource(
  response: UpstreamResponse,
  onEnd: (error?: unknown) => void,
  worded: (error: unknown) => RouterError,
): ByteSource {
  let ended = false;
  const end = (error?: unknown): void => {
    if (ended) return;
    ended = true;
    response[Symbol.dispose]();
    onEnd(error);
  };
  return {
    async read() {
      try {
        const bytes = await response.read();
        if (bytes === undefined) end();
        return bytes?.slice();
      } catch (error) {
        const told = worded(error);
        end(told);
        throw told;
      }
    },
    cancel: () => end(new RouterError("client-gone", "The client has left the answer")),
  };
}
