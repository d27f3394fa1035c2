/** What is noted of a request at the edge, and told of it there. @module */
import type { FrontRequest } from "../front/mod.ts";
import { serverTiming } from "../observe/mod.ts";
import type { Answer, RequestContext, RequestTrace } from "../request/mod.ts";
import type { HttpDeps } from "./context.ts";

/** A request has come, for `path` without the root path. */
export function noteArrival(
  { observe, config, doors }: Pick<HttpDeps, "observe" | "config" | "doors">,
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
