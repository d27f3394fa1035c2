/** From a request to a response: context, route, answer, and the figures at its end. @module */
import { describeError, errorCodeOf, RouterError } from "../base/mod.ts";
import { type Answer, type RequestContext, RequestTrace } from "../request/mod.ts";
import { contextOf, type HttpDeps } from "./context.ts";
import { answerResponse, errorAnswer, type Outcome } from "./respond.ts";
import { endpointLabel, routeOf } from "./routes.ts";

/** The two functions that `Deno.serve` calls. */
export interface HttpHandlers {
  readonly handler: (request: Request) => Promise<Response>;
  /** For what the handler itself could not make an answer of. */
  readonly onError: (error: unknown) => Response;
}

/** The handlers for `deps`. */
export function createHandlers(deps: HttpDeps): HttpHandlers {
  return { handler: createHandler(deps), onError: (error) => unforeseen(deps, error) };
}

function unforeseen(deps: HttpDeps, error: unknown): Response {
  const { status, headers, body } = errorAnswer(error, deps.log);
  const fields = headers.map(([name, value]): [string, string] => [name, value]);
  return new Response(body as Uint8Array<ArrayBuffer>, { status, headers: fields });
}

/** An answer, and what it tells the client of when it is an error. */
type ToldAnswer = Answer & { readonly failure?: RouterError };

const NO_URL = "The request's target and its 'Host' header make no URL";

function createHandler(deps: HttpDeps): (request: Request) => Promise<Response> {
  return async (request) => {
    const trace = new RequestTrace(deps.clock);
    const context = contextOf(request, deps, trace);
    const url = URL.parse(request.url);
    const path = withoutRoot(url?.pathname ?? "", deps.config.rootPath);
    const answer = url === null
      ? errorAnswer(new RouterError("bad-request", NO_URL), deps.log)
      : await answerFor(deps, { request, url, path, context });
    const onEnd = (outcome: Outcome, failure?: unknown): void => {
      noteFailure(deps, path, context, outcome, failure);
      record(deps, path, context, outcome);
    };
    const onFirstByte = (): void => recordFirstByte(deps, context);
    const respond = (to: ToldAnswer): Response =>
      answerResponse(to, path, context.id, onFirstByte, onEnd);
    try {
      return respond(answer);
    } catch (error) {
      // An engine's header field, say, that no response may carry.
      return respond(errorAnswer(error, deps.log));
    }
  };
}

async function answerFor(
  deps: HttpDeps,
  call: {
    readonly request: Request;
    readonly url: URL;
    readonly path: string;
    readonly context: RequestContext;
  },
): Promise<ToldAnswer> {
  try {
    const { handler, needsModels } = routeOf(call.request.method, call.path);
    if (needsModels) {
      const firstRound = deps.firstRound();
      if (firstRound !== undefined) await firstRound;
    }
    if (deps.draining() && call.request.method === "POST") {
      throw new RouterError("shutting-down", "The router is stopping: send this to another");
    }
    return await handler(deps, call);
  } catch (error) {
    return errorAnswer(error, deps.log);
  }
}

function withoutRoot(path: string, root: string): string {
  if (root === "" || !path.startsWith(root)) return path;
  const rest = path.slice(root.length);
  return rest.startsWith("/") ? rest : path;
}

function recordFirstByte(deps: HttpDeps, { trace }: RequestContext): void {
  if (trace.route === "none") return;
  const seconds = (deps.clock.now() - trace.receivedAtMs) / 1000;
  const { route } = trace;
  deps.metrics.observe("pd_router_time_to_first_token_seconds", { route }, seconds);
}

/** One line for each request that an engine, or its absence, has spoilt. */
function noteFailure(
  { log }: HttpDeps,
  path: string,
  { id, trace }: RequestContext,
  outcome: Outcome,
  failure: unknown,
): void {
  const spoilt = outcome === "server_error" || outcome === "stream_error";
  const code = errorCodeOf(failure);
  if (!spoilt || failure === undefined || code === "client-gone" || code === "shutting-down") {
    return;
  }
  // A fault of the router's own has been told where the answer was made of it.
  if (outcome === "server_error" && code === "internal") return;
  log.warning("Request failed", () => ({
    request: id,
    path,
    route: trace.route,
    outcome,
    code,
    error: describeError(failure),
  }));
}

function record(
  deps: HttpDeps,
  path: string,
  { id, trace }: RequestContext,
  outcome: Outcome,
): void {
  const { route } = trace;
  const endpoint = endpointLabel(path);
  deps.metrics.count("pd_router_requests_total", { endpoint, route, outcome });
  if (route === "none") return;
  const seconds = (deps.clock.now() - trace.receivedAtMs) / 1000;
  deps.metrics.observe("pd_router_request_seconds", { route }, seconds);
  deps.onTrace?.(id, path, trace);
}
