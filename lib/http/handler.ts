/** From a request to a response: context, route, answer, and the figures at its end. @module */
import { type AbortWatch, describeError, errorCodeOf, RouterError, signalOf } from "../base/mod.ts";
import type { Pass } from "../doors/mod.ts";
import type { FrontHandler, FrontRequest } from "../front/mod.ts";
import {
  type Answer,
  isWhole,
  type RequestContext,
  RequestLife,
  RequestTrace,
} from "../request/mod.ts";
import { batchRouteOf } from "./batch_routes.ts";
import { isPrepared, prepared } from "./beforehand.ts";
import { contextOf, type HttpCall, type HttpDeps } from "./context.ts";
import { corsHeaders, preflight } from "./cors.ts";
import type { Telling } from "./dialect.ts";
import { EarlyHead, type EarlyHeadParts } from "./early_head.ts";
import { keyRefused, refusesKey, withoutKeyRefusal } from "./key_refusal.ts";
import { noteArrival, withTiming } from "./observed.ts";
import {
  errorAnswer,
  type Finish,
  finishedAnswer,
  type Outcome,
  type ToldAnswer,
  unsendable,
} from "./respond.ts";
import { endpointLabel, routeOf } from "./routes.ts";
import { type Target, targetOf } from "./target.ts";

/** Answers in place of an answer that no front can send. */
export function faultAnswer(deps: Pick<HttpDeps, "log">): (error: unknown) => Answer {
  return (error) => errorAnswer(error, deps.log);
}

/** How requests are answered that do not come from clients. */
export interface HandlerOptions {
  /**
   * Lets a request for a path in, or says why not.
   * @default the doors that clients come in by
   */
  readonly enter?: (request: FrontRequest, path: string) => Pass | RouterError;
  /** They go behind all that clients ask. */
  readonly behind?: true;
}

/** Answers every request of a front. */
export function createHandler(deps: HttpDeps, options: HandlerOptions = {}): FrontHandler {
  const { clock, config: { requests, answers: { earlyHeadMs, allowedOrigins } } } = deps;
  const { enter = (request, path) => deps.doors.enter(request, path), behind } = options;
  return async (request) => {
    const trace = new RequestTrace(clock);
    const leaving = earlyHeadMs === undefined ? undefined : new AbortController();
    const life = new RequestLife(
      deps.timers ?? clock,
      goneSignal(request, leaving),
      requests.timeoutMs,
    );
    const held = deps.bodies.share();
    const under = deps.begin?.();
    const { method, headers: fields, remote } = request;
    const known = { method, headers: fields, remote, signal: life.signal };
    const asker = contextOf(known, deps, trace, held);
    const target = targetOf(request, deps.config.rootPath);
    const path = target instanceof RouterError ? "" : target.path;
    const pass = target instanceof RouterError ? target : enter(request, path);
    const context = {
      ...asker,
      ...(pass instanceof RouterError || pass.key === undefined ? {} : { key: pass.key }),
      ...(behind === undefined ? {} : { behind }),
    };
    noteArrival(deps, request, path, context);
    const telling = { path, requestId: context.id, told: context.told ?? deps.names.told };
    const early = leaving && earlyHeadMs !== undefined
      ? earlyHead(deps, { telling, trace, afterMs: earlyHeadMs, leave: () => leaving.abort() })
      : undefined;
    const asked = path === "" ? undefined : preflight(allowedOrigins, request);
    const finish: Finish = {
      telling,
      onFirstByte: () => recordFirstByte(deps, context),
      onEnd(outcome, failure) {
        life[Symbol.dispose]();
        if (outcome === "ok") held.spend();
        else held.release();
        under?.release();
        if (!(pass instanceof RouterError)) pass.release();
        noteFailure(deps, path, context, outcome, failure);
        record(deps, path, context, outcome);
        deps.observe?.end(trace, outcome, failure);
      },
      beforeEnd: () => deps.log.written?.(),
    };
    const answering = asked === undefined
      ? answerFor(deps, request, { target, pass, context, life, telling, early })
      : Promise.resolve(asked);
    const finished = answering.then((answer) => {
      trace.status = answer.status;
      return finishedAnswer(answer, finish);
    });
    const answer = await (early === undefined ? finished : early.before(finished));
    // Whoever reads the log when the answer has come shall find there which engines it is from.
    const unwritten = deps.log.written?.();
    if (unwritten !== undefined) await unwritten;
    if (asked !== undefined) return answer;
    const headers = corsHeaders(allowedOrigins, request.headers, answer.headers);
    return { ...answer, headers: withTiming(deps, trace, headers) };
  };
}

/** Aborts when the client has gone, be it told by its connection or by `leaving`. */
function goneSignal(
  { signal }: FrontRequest,
  leaving: AbortController | undefined,
): AbortWatch {
  return leaving === undefined ? signal : AbortSignal.any([signalOf(signal), leaving.signal]);
}

function earlyHead(
  { clock, background, metrics, config }: HttpDeps,
  parts: Pick<EarlyHeadParts, "telling" | "trace" | "afterMs" | "leave">,
): EarlyHead {
  const endpoint = endpointLabel(parts.telling.path, config.control?.passThrough);
  return new EarlyHead({
    ...parts,
    clock,
    background,
    onEarly: () => metrics.count("pd_router_early_heads_total", { endpoint }),
  });
}

/** `answer`, or one that says that it could not be sent. */
function sendable({ log }: HttpDeps, answer: ToldAnswer, telling: Telling): ToldAnswer {
  const problem = unsendable(answer);
  if (problem === undefined) return answer;
  giveBack(answer);
  return errorAnswer(problem, log, telling);
}

function giveBack({ body }: Answer): void {
  if (!isWhole(body)) body.cancel();
}

/** One request on its way to its answer. */
interface Asked extends Pick<HttpCall, "context"> {
  readonly target: Target | RouterError;
  readonly pass: Pass | RouterError;
  readonly life: RequestLife;
  readonly telling: Telling;
  readonly early: EarlyHead | undefined;
}

/** The answer, in the form in which it can be sent; never rejects. */
async function answerFor(
  deps: HttpDeps,
  request: FrontRequest,
  asked: Asked,
): Promise<ToldAnswer> {
  const { pass, life, telling, early } = asked;
  let answer: ToldAnswer;
  try {
    answer = await life.bound(answerOf(deps, request, asked));
    if (early !== undefined) answer = await early.fitted(answer);
  } catch (error) {
    answer = errorAnswer(withoutKeyRefusal(deps.doors, error), deps.log, telling);
    if (early !== undefined) answer = await early.fitted(answer);
  }
  return pass instanceof RouterError ? answer : pass.attach(answer);
}

async function answerOf(
  deps: HttpDeps,
  request: FrontRequest,
  { target, pass, context, telling }: Asked,
): Promise<ToldAnswer> {
  if (target instanceof RouterError) throw target;
  if (pass instanceof RouterError) throw pass;
  const { method } = request;
  const { handler, needsModels } = batchRouteOf(deps.batches, method, target.path) ??
    routeOf(method, target.path, deps.config.control?.passThrough);
  if (needsModels) {
    const firstRound = deps.firstRound();
    if (firstRound !== undefined) await firstRound;
  }
  if (deps.draining() && method === "POST" && needsModels) {
    throw new RouterError("shutting-down", "The router is stopping: send this to another");
  }
  const call = { request, context, pass, ...target };
  if (!needsModels || !isPrepared(deps, call)) {
    return fromEngines(deps, await handler(deps, call), telling);
  }
  const before = await prepared(deps, call);
  if (before.kind === "answered") return sendable(deps, before.answer, telling);
  const answer = fromEngines(deps, await handler(deps, before.call), telling);
  return before.finish(answer);
}

/** An answer that an engine may have given. */
function fromEngines(deps: HttpDeps, answer: Answer, telling: Telling): ToldAnswer {
  if (refusesKey(deps.doors, answer.status)) {
    giveBack(answer);
    throw keyRefused();
  }
  return sendable(deps, answer, telling);
}

function recordFirstByte(deps: HttpDeps, { trace }: RequestContext): void {
  if (trace.route === "none") return;
  trace.firstByteAtMs = deps.clock.now();
  const seconds = (trace.firstByteAtMs - trace.receivedAtMs) / 1000;
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
    trace_id: trace.traceId,
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
  const endpoint = endpointLabel(path, deps.config.control?.passThrough);
  deps.metrics.count("pd_router_requests_total", { endpoint, route, outcome });
  if (route === "none") return;
  const seconds = (deps.clock.now() - trace.receivedAtMs) / 1000;
  deps.metrics.observe("pd_router_request_seconds", { route }, seconds);
  recordServed(deps, trace, outcome, seconds);
  deps.onTrace?.(id, path, trace);
}

/** By the engine that gave the answer; what a client has left says nothing of it. */
function recordServed(
  { metrics }: HttpDeps,
  { server, model }: RequestTrace,
  outcome: Outcome,
  seconds: number,
): void {
  if (server === undefined || model === undefined || outcome === "client_gone") return;
  // Gone meanwhile, it is not to be told of for ever.
  if (!metrics.tells(server)) return;
  const status = outcome === "ok" ? "success" : "error";
  const labels = { server, model: metrics.modelLabel(model), status };
  metrics.observe("vllm:request_latency_seconds", labels, seconds);
}
