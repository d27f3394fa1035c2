/** One request to one engine: sent, logged, and read. @module */
import { type AbortWatch, type ByteParts, type Engine, RouterError } from "../base/mod.ts";
import type { Flight } from "../fleet/mod.ts";
import type { HeaderField, UpstreamResponse } from "../upstream/mod.ts";
import type { FlowDeps, RequestContext } from "./context.ts";

/** Largest JSON answer read whole, in bytes. */
export const MAX_JSON_BYTES = 256 * 1024 * 1024;

/** One request to an engine. */
export interface Exchange {
  readonly method?: string;
  readonly path: string;
  readonly headers: readonly HeaderField[];
  readonly body?: ByteParts;
  readonly headTimeoutMs: number;
  /** False for what must not reach an engine twice. */
  readonly replayable?: boolean;
  readonly signal: AbortWatch;
}

/**
 * Send one request to the engine of `flight`. How the flight ended is said by whoever reads the answer:
 * only there is it known whether it is one. Rejects as `UpstreamClient.send`.
 */
export async function exchange(
  deps: Pick<FlowDeps, "upstream" | "timeouts">,
  flight: Flight,
  request: Exchange,
): Promise<UpstreamResponse> {
  const { headTimeoutMs, signal, path, headers, body, method = "POST" } = request;
  const response = await deps.upstream.send({
    method,
    url: flight.engine.url,
    path,
    headers: flight.span?.onto(headers, path, method) ?? headers,
    ...(body === undefined ? {} : { body }),
    replayable: request.replayable ?? true,
    connectTimeoutMs: deps.timeouts.connectMs,
    headTimeoutMs,
    idleTimeoutMs: deps.timeouts.streamIdleMs,
    signal,
  });
  flight.head(response.status);
  return response;
}

/** The line that existing tools read, once per leg. */
export function logRouting(
  deps: Pick<FlowDeps, "clock" | "log">,
  context: RequestContext,
  engine: Pick<Engine, "url">,
): void {
  if (!deps.log.enabled("info")) return;
  const seconds = ((deps.clock.now() - context.trace.receivedAtMs) / 1000).toFixed(4);
  const session = context.sessionId ?? "None";
  deps.log.info(
    `Routing request ${context.id} with session id ${session} to ${engine.url} ` +
      `at ${deps.clock.unixMs() / 1000}, process time = ${seconds}`,
  );
}

/** The error to throw where a wait for something of a request was aborted. */
export function clientGone(): RouterError {
  return new RouterError("client-gone", "The client closed the connection");
}

/**
 * Resolve with `work`, or with "aborted" as soon as `signal` aborts; `work` goes on then, and how it
 * ends is nobody's.
 */
export function orAborted<T>(work: Promise<T>, signal: AbortWatch): Promise<T | "aborted"> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => resolve("aborted");
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}
