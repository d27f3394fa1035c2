/** One engine serves the whole request; bytes pass as they are. @module */
import {
  type ByteParts,
  describeError,
  type Engine,
  type ErrorCode,
  errorCodeOf,
  RouterError,
} from "../base/mod.ts";
import {
  type Answer,
  type AnswerKind,
  answerProblem,
  attemptOf,
  clientGone,
  exchange,
  type FlowDeps,
  isOverload,
  logRouting,
  passThrough,
  readError,
  type RequestContext,
  tokensToldIn,
} from "../request/mod.ts";
import type { Exclude } from "../selection/mod.ts";
import { forwardResponseHeaders, type UpstreamResponse } from "../upstream/mod.ts";
import type { AdmissionDeps, AdmittedEngine, DirectWish } from "./admission.ts";
import { promptIn } from "./prompt_facts.ts";

/** Bodies up to this size are read whole, so that one cut short is an error and not a stump. */
const WHOLE_BYTES = 1024 * 1024;

/** What to send, and to whom. */
export interface DirectAsk {
  readonly method?: string;
  readonly path: string;
  readonly model: string;
  readonly sessionKey?: string | undefined;
  readonly body?: ByteParts;
  /** An answer of this request may stream. */
  readonly stream: boolean;
  /**
   * What is an answer.
   * @default events where it may stream, else JSON
   */
  readonly answer?: AnswerKind;
  /** The client picked the engine. */
  readonly engine?: Engine;
  /**
   * The retry budget knows of the request already.
   * @default false
   */
  readonly began?: boolean;
  /** As `Roomy.share`. */
  readonly share?: number;
  /** Engines to go around while there are others. */
  readonly exclude?: readonly Exclude[];
  /**
   * How early it wants to be served, where it has to wait: lower is earlier.
   * @default 0
   */
  readonly priority?: () => number;
}

/** What direct requests work with. */
export type DirectDeps = FlowDeps & AdmissionDeps;

/**
 * Forward a request to one engine. Where that fails before any of the answer has reached the client, and
 * it is not the request's own fault, another engine is asked, as often as one request may be tried again:
 * one that cannot be reached, has no room or fails at it does nothing more for it. An engine that is only
 * slow is waited for, as it is at work.
 *
 * Throws `no-engine`, `upstream-protocol` for what is no answer, what admission throws, and the upstream
 * client's errors.
 */
export async function direct(
  deps: DirectDeps,
  context: RequestContext,
  ask: DirectAsk,
): Promise<Answer> {
  if (context.trace.route === "none") context.trace.route = "direct";
  const { exclude: before = [], began = false } = ask;
  if (!began) deps.retries.began();
  const tried: Exclude[] = [];
  let admitted = await chosen(deps, context, ask, before);
  let end = await attempt(deps, attemptOf(context, deps.random), ask, admitted);
  let last = end;
  for (let more = 0; more < deps.retries.perRequest; more++) {
    const { engine } = admitted;
    if (!isPassedOver(deps, engine, last)) break;
    tried.push({ id: engine.id, why: "failed" });
    const other = hasOther(deps, ask, tried)
      ? otherThan(deps, context, ask, [...before, ...tried])
      : undefined;
    if (other === undefined) break;
    noteOther(deps, context, engine, last);
    admitted = other;
    last = await attempt(deps, attemptOf(context, deps.random), ask, admitted);
    // Where nobody else can be reached, the client is told to come back.
    if (last.kind === "answer" || end.kind === "failed") end = last;
  }
  return answerOf(end);
}

function noteOther(
  { log, metrics }: DirectDeps,
  { id: request, trace }: RequestContext,
  { url }: Engine,
  end: DirectEnd,
): void {
  const reason = end.kind === "failed"
    ? errorCodeOf(end.error) ?? "internal"
    : `status_${end.answer.status}`;
  metrics.count("pd_router_direct_retries_total", { reason });
  trace.add("retry", undefined, reason);
  log.warning("Asking another engine", () => ({
    request,
    error: end.kind === "failed"
      ? describeError(end.error)
      : `Engine ${url} answered ${end.answer.status}`,
  }));
}

/** The engine for a request, with a seat of it where these are bounded. */
async function chosen(
  deps: DirectDeps,
  context: RequestContext,
  ask: DirectAsk,
  exclude: readonly Exclude[],
): Promise<AdmittedEngine> {
  const { admission, fleet } = deps;
  const wish = wishOf(context, ask, 1, exclude);
  const found = admission === undefined
    ? engineIn(fleet, wish)
    : await admission.direct(context, wish);
  if (found === undefined) throw noEngine(deps, fleet.snapshot().engines, ask.model);
  return found;
}

/** Another engine than those passed over, where one has room at once and one more may be asked. */
function otherThan(
  { admission, fleet, retries }: DirectDeps,
  context: RequestContext,
  ask: DirectAsk,
  exclude: readonly Exclude[],
): AdmittedEngine | undefined {
  if (!retries.allows()) return undefined;
  const wish = wishOf(context, ask, 2, exclude);
  const other = admission === undefined ? engineIn(fleet, wish) : admission.directNow(wish);
  if (other !== undefined) retries.take();
  return other;
}

function wishOf(
  context: RequestContext,
  { engine, model, sessionKey, share, priority = () => 0 }: DirectAsk,
  attempt: number,
  exclude: readonly Exclude[],
): DirectWish {
  const ask = { model, session: sessionKey, ...promptIn(context), attempt, exclude };
  return { ask, engine, share, priority };
}

function engineIn(
  fleet: FlowDeps["fleet"],
  { engine, ask }: DirectWish,
): AdmittedEngine | undefined {
  const found = engine ?? fleet.chooseDirect(ask);
  return found && { engine: found };
}

/** The engines that serve `model` prefill it for others. */
function noEngine(
  { keyRefusals }: FlowDeps,
  engines: readonly Engine[],
  model: string,
): RouterError {
  const silent = engines.filter(({ role, models }) => role !== "prefill" && models.length === 0);
  if (silent.length > 0 && silent.every((engine) => keyRefusals?.has(engine))) {
    return new RouterError(
      "key-refused",
      `Only prefill engines serve model '${model}': the engines refuse the router's key`,
      { param: "model" },
    );
  }
  const urls = silent.map(({ url }) => url).join(", ");
  return new RouterError(
    "no-engine",
    `Only prefill engines serve model '${model}', and they answer nothing alone` +
      (urls === "" ? "" : `; not heard from yet: ${urls}`),
    { param: "model" },
  );
}

/** Whether there is an engine that has not been `tried`. */
function hasOther(
  { fleet }: FlowDeps,
  { engine, model }: DirectAsk,
  tried: readonly Exclude[],
): boolean {
  return engine === undefined &&
    fleet.snapshot().group(model).direct.some((other) =>
      !tried.some(({ id }) => id === other.engine.id)
    );
}

/** How an attempt ended. */
type DirectEnd =
  | { readonly kind: "answer"; readonly answer: Answer }
  | { readonly kind: "failed"; readonly error: unknown };

/** Failures of an engine that does nothing more for the request. */
const ENDED: ReadonlySet<unknown> = new Set<ErrorCode>([
  "upstream-unreachable",
  "upstream-lost",
  "upstream-protocol",
]);

/** What an engine answers that has not got a path: no other has. */
const NOT_IMPLEMENTED = 501;

/** Whether another engine may do better than `engine` did. */
function isPassedOver({ fleet }: DirectDeps, engine: Engine, end: DirectEnd): boolean {
  if (end.kind === "answer") {
    const { status } = end.answer;
    return isOverload(status) || (status >= 500 && status !== NOT_IMPLEMENTED);
  }
  const code = errorCodeOf(end.error);
  if (ENDED.has(code)) return true;
  if (code !== "upstream-timeout") return false;
  const verdict = fleet.verdict(engine);
  // It shows no sign of life.
  return verdict.kind === "shut" && verdict.untilMs === undefined;
}

function answerOf(end: DirectEnd): Answer {
  if (end.kind === "failed") throw end.error;
  return end.answer;
}

async function attempt(
  deps: FlowDeps,
  context: RequestContext,
  ask: DirectAsk,
  { engine, seat }: AdmittedEngine,
): Promise<DirectEnd> {
  const about = { prompt: context.prompt, model: ask.model, record: context.trace };
  using flight = deps.fleet.take(engine, "direct", undefined, seat, about);
  let response: UpstreamResponse | undefined;
  try {
    logRouting(deps, context, engine);
    context.trace.accept();
    context.trace.add("direct-sent", engine.url);
    response = await exchange(deps, flight, {
      ...(ask.method === undefined ? {} : { method: ask.method }),
      path: ask.path,
      headers: context.headers,
      ...(ask.body === undefined ? {} : { body: ask.body }),
      headTimeoutMs: ask.stream ? deps.timeouts.firstByteMs : deps.timeouts.wholeAnswerMs,
      signal: context.signal,
    });
    context.trace.add("direct-head", engine.url);
    const problem = answerProblem(response, ask.answer ?? (ask.stream ? "events" : "json"));
    if (problem !== undefined) throw noAnswer(engine, problem);
    if (response.status >= 400) {
      const answer = await errorAnswer(engine, response);
      flight.ok();
      return { kind: "answer", answer };
    }
    const { status } = response;
    const headers = forwardResponseHeaders(response.headers);
    const length = Number(response.header("content-length") ?? NaN);
    if (length <= WHOLE_BYTES) {
      const body = await response.readAll(WHOLE_BYTES);
      const tokens = tokensToldIn(body);
      if (tokens !== undefined) flight.used(tokens);
      flight.ok();
      return { kind: "answer", answer: { status, headers, body } };
    }
    const body = passThrough(flight.move(), response);
    return { kind: "answer", answer: { status, headers, body } };
  } catch (error) {
    response?.[Symbol.dispose]();
    if (context.signal.aborted) throw clientGone();
    flight.failed(error);
    return { kind: "failed", error };
  }
}

/** What an engine answers in place of what was asked for; its own errors pass as they are. */
async function errorAnswer(engine: Engine, response: UpstreamResponse): Promise<Answer> {
  const { status } = response;
  const { body, message, refusal, page } = await readError(response);
  if (refusal !== undefined) return refusal;
  if (page) throw noAnswer(engine, `answered ${status}: ${message}`);
  return { status, headers: forwardResponseHeaders(response.headers), body };
}

function noAnswer(engine: Engine, problem: string): RouterError {
  return new RouterError("upstream-protocol", `Engine ${engine.url} ${problem}`);
}
