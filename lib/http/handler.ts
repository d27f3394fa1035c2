/** From a request to a response: context, route, answer, and the figures at its end. @module */
import { describeError, errorCodeOf, RouterError } from "../base/mod.ts";
import type { FrontHandler, FrontRequest } from "../front/mod.ts";
import {
  type Answer,
  isWhole,
  type RequestContext,
  RequestLife,
  RequestTrace,
} from "../request/mod.ts";
import { contextOf, type HttpCall, type HttpDeps } from "./context.ts";
import { errorAnswer, finishedAnswer, type Outcome, unsendable } from "./respond.ts";
import { endpointLabel, routeOf } from "./routes.ts";
import { parseTarget, type Target } from "./target.ts";

/** Answers in place of an answer that no front can send. */
export function faultAnswer(deps: Pick<HttpDeps, "log">): (error: unknown) => Answer {
  return (error) => errorAnswer(error, deps.log);
}

/** Answers every request of a front. */
export function createHandler(deps: HttpDeps): FrontHandler {
  return async (request) => {
    const trace = new RequestTrace(deps.clock);
    const life = new RequestLife(deps.clock, request.signal, deps.config.requests.timeoutMs);
    const held = deps.bodies.share();
    const { method, headers, remote } = request;
    const asked = { method, headers, remote, signal: life.signal };
    const context = contextOf(asked, deps, trace, held);
    const target = targetOf(deps, request);
    const path = target instanceof RouterError ? "" : target.path;
    const pass = target instanceof RouterError ? target : deps.doors.enter(request, path);
    const answer = sendable(
      deps,
      pass instanceof RouterError || target instanceof RouterError
        ? errorAnswer(pass, deps.log, path)
        : pass.attach(await answerFor(deps, request, target, { context, pass, life })),
      path,
    );
    return finishedAnswer(answer, {
      path,
      requestId: context.id,
      onFirstByte: () => recordFirstByte(deps, context),
      onEnd(outcome, failure) {
        life[Symbol.dispose]();
        held.release();
        if (!(pass instanceof RouterError)) pass.release();
        noteFailure(deps, path, context, outcome, failure);
        record(deps, path, context, outcome);
      },
    });
  };
}

/** An answer, and what it tells the client of when it is an error. */
type ToldAnswer = Answer & { readonly failure?: RouterError };

/** `answer`, or one that says that it could not be sent. */
function sendable({ log }: HttpDeps, answer: ToldAnswer, path: string): ToldAnswer {
  const problem = unsendable(answer);
  if (problem === undefined) return answer;
  if (!isWhole(answer.body)) answer.body.cancel();
  return errorAnswer(problem, log, path);
}

function targetOf(deps: HttpDeps, { target, headers }: FrontRequest): Target | RouterError {
  try {
    const host = headers.get("host");
    // Whoever else reads such a field may take part of it for the target.
    if (host !== undefined && !isHost(host)) {
      return new RouterError("bad-request", "The request's 'Host' header is no host and port");
    }
    return parseTarget(target, deps.config.rootPath);
  } catch (error) {
    if (error instanceof RouterError) return error;
    throw error;
  }
}

function isHost(host: string): boolean {
  const parts = HOST.exec(host);
  return parts !== null && Number(parts[1] ?? "") <= 65_535;
}

/** A name, an IPv4 or a bracketed IPv6 address, and a port. Source: RFC 9110 section 7.2. */
const HOST = /^(?:[\w.~!$&'()*+,;=%-]*|\[[\da-fA-F:.]+\])(?::(\d*))?$/;

/** A request that was let in. */
type LetIn = Pick<HttpCall, "context" | "pass">;

async function answerFor(
  deps: HttpDeps,
  request: FrontRequest,
  target: Target,
  { life, ...letIn }: LetIn & { readonly life: RequestLife },
): Promise<ToldAnswer> {
  try {
    return await life.bound(handled(deps, request, target, letIn));
  } catch (error) {
    return errorAnswer(error, deps.log, target.path);
  }
}

/** The answer to a request. Rejects with what keeps it from one. */
async function handled(
  deps: HttpDeps,
  request: FrontRequest,
  target: Target,
  letIn: LetIn,
): Promise<Answer> {
  const { handler, needsModels } = routeOf(request.method, target.path);
  if (needsModels) {
    const firstRound = deps.firstRound();
    if (firstRound !== undefined) await firstRound;
  }
  if (deps.draining() && request.method === "POST") {
    throw new RouterError("shutting-down", "The router is stopping: send this to another");
  }
  return await handler(deps, { request, ...letIn, ...target });
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
