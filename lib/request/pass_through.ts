/** An engine's body as it comes, for the client. @module */
import type { Flight } from "../fleet/mod.ts";
import type { UpstreamResponse } from "../upstream/mod.ts";
import type { ByteSource } from "./answer.ts";

/** The rest of `response`; the flight ends when it does, or is left. */
export function passThrough(flight: Flight, response: UpstreamResponse): ByteSource {
  const close = (): void => {
    response[Symbol.dispose]();
    flight[Symbol.dispose]();
  };
  return {
    async read() {
      try {
        const bytes = await response.read();
        if (bytes !== undefined) return bytes.slice();
      } catch (error) {
        flight.failed(error);
        close();
        throw error;
      }
      flight.ok();
      close();
      return undefined;
    },
    cancel: close,
  };
}
