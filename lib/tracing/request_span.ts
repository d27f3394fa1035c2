/** The span of a request, from its arrival to the end of its answer. Pure. @module */
import { tokensIn } from "../observe/mod.ts";
import type { RequestTrace } from "../request/mod.ts";
import { generating, operationOf } from "./operations.ts";
import type { Span, SpanEvent } from "./span.ts";
import type { Place, TracedParts } from "./traced_request.ts";

/** Steps that are told as moments of the request. */
const TOLD: ReadonlySet<string> = new Set(["retry", "continued"]);

/** Clients name methods as they like. */
const METHODS: ReadonlySet<string> = new Set(
  ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"],
);

/** Most moments of one request. */
const MAX_EVENTS = 64;

/** The span of `trace`, which has ended. */
export function requestSpan(
  trace: RequestTrace,
  { traceId, spanId, parentId, state }: Place,
  { endpoint, unixOffsetMs }: Pick<TracedParts, "endpoint" | "unixOffsetMs">,
): Span {
  const { end, route, pair, method, status } = trace;
  const outcome = end?.outcome;
  const failed = outcome === "server_error" || outcome === "stream_error";
  const handed = route.startsWith("handoff_") ? pair : undefined;
  const why = end?.code ?? (failed ? String(status) : undefined);
  const known = METHODS.has(method) ? method : undefined;
  const startMs = trace.receivedAtMs + unixOffsetMs;
  return {
    traceId,
    spanId,
    parentId,
    ...(parentId === undefined ? {} : { remoteParent: true }),
    state,
    name: endpoint === undefined ? known ?? "HTTP" : `${known ?? "HTTP"} ${endpoint}`,
    kind: "server",
    startMs,
    endMs: (end?.atMs ?? trace.receivedAtMs) + unixOffsetMs,
    attributes: {
      "http.request.method": known ?? "_OTHER",
      "http.request.method_original": known === undefined ? method : undefined,
      "http.route": endpoint,
      "url.path": trace.path,
      "http.response.status_code": status,
      "error.type": failed ? why : undefined,
      ...generating({
        operation: operationOf(trace.path),
        model: trace.model,
        tokens: tokensIn(trace),
        provider: route === "external" ? "external" : undefined,
      }),
      "pd.route": route,
      "pd.reason": trace.directReason,
      "pd.outcome": outcome,
      "pd.code": end?.code,
      "pd.prefill": handed?.prefill.id,
      "pd.decode": handed?.decode.id,
      "pd.protocol": handed?.prefill.kv,
      "pd.lacks_kv": trace.lacksKv ? true : undefined,
      "vllm.request_id": trace.id,
      "vllm.model": trace.model,
      "vllm.is_streaming": trace.streams,
      "vllm.backend_url": trace.server,
    },
    events: eventsOf(trace, unixOffsetMs),
    failure: failed ? why : undefined,
  };
}

function eventsOf({ events, firstByteAtMs, end }: RequestTrace, offsetMs: number): SpanEvent[] {
  const told: SpanEvent[] = [];
  for (const { step, atMs, note } of events) {
    if (!TOLD.has(step) || told.length >= MAX_EVENTS) continue;
    told.push({ name: step, unixMs: atMs + offsetMs, attributes: { "pd.reason": note } });
  }
  if (firstByteAtMs !== undefined) {
    told.push({ name: "first_token", unixMs: firstByteAtMs + offsetMs });
  }
  if (end?.outcome === "client_gone") {
    told.push({ name: "client_gone", unixMs: end.atMs + offsetMs });
  }
  return told;
}
