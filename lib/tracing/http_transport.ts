/** OTLP by HTTP: protobuf, posted. @module */
import { describeError, errorCodeOf } from "../base/mod.ts";
import type { OtlpEndpoint } from "../config/mod.ts";
import type { HeaderField, UpstreamClient, UpstreamResponse } from "../upstream/mod.ts";
import { readPartialSuccess } from "./partial_success.ts";
import type { Delivery, Transport } from "./transport.ts";

/** What it works with. */
export interface HttpTransportParts {
  readonly endpoint: OtlpEndpoint;
  readonly headers: readonly HeaderField[];
  /** Its own: disposed with the transport. */
  readonly upstream: UpstreamClient;
}

/** Longest waits, in milliseconds. */
const CONNECT_MS = 5_000;
const ANSWER_MS = 10_000;

const MAX_ANSWER_BYTES = 64 * 1024;

/** Statuses behind which the batch may be sent again. */
const LATER: ReadonlySet<number> = new Set([429, 502, 503, 504]);

/** A way to a collector that takes HTTP. */
export function httpTransport({ endpoint, headers, upstream }: HttpTransportParts): Transport {
  return {
    async send(body, signal) {
      try {
        using response = await upstream.send({
          method: "POST",
          url: endpoint.origin,
          path: endpoint.path,
          headers: [...headers, ["content-type", "application/x-protobuf"]],
          body,
          connectTimeoutMs: CONNECT_MS,
          headTimeoutMs: ANSWER_MS,
          idleTimeoutMs: ANSWER_MS,
          signal,
        });
        return await deliveryIn(response);
      } catch (error) {
        if (errorCodeOf(error) === undefined) throw error;
        return { kind: "later", why: describeError(error) };
      }
    },
    [Symbol.dispose]: () => upstream[Symbol.dispose](),
  };
}

async function deliveryIn(response: UpstreamResponse): Promise<Delivery> {
  const { status } = response;
  const body = await response.readAll(MAX_ANSWER_BYTES);
  if (status >= 200 && status < 300) return readPartialSuccess(body);
  const why = `the collector answered ${status}`;
  if (!LATER.has(status)) return { kind: "refused", why };
  const seconds = Number(response.header("retry-after") ?? NaN);
  return { kind: "later", why, afterMs: seconds >= 0 ? seconds * 1000 : undefined };
}
