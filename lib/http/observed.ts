/** What is noted of a request at the edge, and told of it there. @module */
import type { FrontRequest } from "../front/mod.ts";
import { serverTiming } from "../observe/mod.ts";
import type { Answer, RequestContext, RequestTrace } from "../request/mod.ts";
import type { HttpDeps } from "./context.ts";
import { endpointLabel } from "./routes.ts";

/** A request has come, for `path` without the root path. */
export function noteArrival(
  { observe, tracing, config, doors }: Pick<HttpDeps, "observe" | "tracing" | "config" | "doors">,
  request: Pick<FrontRequest, "method" | "headers" | "remote">,
  path: string,
  { id, key, trace }: Pick<RequestContext, "id" | "key" | "trace">,
): void {
  if (observe === undefined) return;
  trace.id = id;
  trace.method = request.method;
  trace.path = path;
  trace.key = key;
  // Nobody else asks where it came from.
  if (config.observe.accessShare > 0) trace.client = doors.addressOf(request);
  if (tracing !== undefined) {
    trace.spans = tracing.begin({ headers: request.headers, endpoint: endpointIn(config, path) });
  }
  observe.begin(trace);
}

/** `headers` of the answer to a request, with its times where they are to be told. */
export function withTiming(
  { clock, config }: Pick<HttpDeps, "clock" | "config">,
  trace: RequestTrace,
  headers: Answer["headers"],
): Answer["headers"] {
  if (!config.observe.serverTiming) return headers;
  return [...headers, ["server-timing", serverTiming(trace, clock.now())]];
}

/** The endpoint asked for on `path`, one of a closed list; undefined for one that is not known. */
function endpointIn({ control }: HttpDeps["config"], path: string): string | undefined {
  const label = endpointLabel(path, control?.passThrough);
  return label === "unknown" ? undefined : label;
}
