/** Requests as they are told, as JSON. Made when somebody looks, of what is kept. @module */
import type { Clock } from "../base/mod.ts";
import type { AnswerTokens, Outcome } from "../fleet/mod.ts";
import type { RequestTrace, TraceEvent } from "../request/mod.ts";
import { answering, doing, type Phases, phasesOf, rounded, toldPhases } from "./phases.ts";
import type { EventView, LegView, RequestDetail, RequestView, TokensView } from "./shapes.ts";

/** What requests are told with. */
export interface ViewDeps {
  readonly clock: Clock;
  /** The id of the engine at a URL; undefined where there is none any more. */
  readonly idOf: (url: string) => string | undefined;
}

/** Longest path that is told, in characters. */
const MAX_PATH = 256;

/** One request as it is at this moment, which has taken `phases`. */
export function requestView(
  { clock, idOf }: ViewDeps,
  trace: RequestTrace,
  phases: Phases = phasesOf(trace, trace.end?.atMs ?? clock.now()),
): RequestView {
  const { end, route, pair, traceId } = trace;
  const handed = route.startsWith("handoff_") ? pair : undefined;
  return {
    seq: trace.seq,
    id: trace.id,
    path: trace.path.slice(0, MAX_PATH),
    model: trace.model ?? null,
    key: trace.key ?? null,
    route,
    reason: trace.directReason ?? null,
    stream: trace.streams,
    state: end === undefined ? doing(trace) : "ended",
    outcome: end?.outcome ?? null,
    status: trace.status ?? null,
    error: end?.code ?? null,
    received: rounded((clock.unixMs() - clock.now() + trace.receivedAtMs) / 1000),
    prefill: handed?.prefill.id ?? null,
    decode: handed?.decode.id ?? named(trace.server, idOf) ?? null,
    phases: toldPhases(phases),
    tokens: tokensIn(trace),
    retries: trace.events.filter(({ step }) => step === "retry" || step === "continued").length,
    lacks_kv: trace.lacksKv,
    ...(traceId === undefined ? {} : { trace_id: traceId }),
  };
}

/** All that is kept of one request. */
export function requestDetail(deps: ViewDeps, trace: RequestTrace): RequestDetail {
  const { events, receivedAtMs, legs, eventsCut } = trace;
  return {
    ...requestView(deps, trace),
    events: events.map((event) => eventView(deps, event, receivedAtMs)),
    events_cut: eventsCut,
    legs: legs.map(legView),
  };
}

function eventView(
  { idOf }: ViewDeps,
  { step, atMs, engine, note }: TraceEvent,
  sinceMs: number,
): EventView {
  return {
    step,
    at: rounded(atMs - sinceMs),
    engine: named(engine, idOf) ?? null,
    note: note ?? null,
  };
}

function legView(outcome: Outcome): LegView {
  const { leg, engine, peer, end, code, status, headMs, firstMs, ms, tokens } = outcome;
  return {
    leg,
    engine: engine.id,
    peer: peer?.id ?? null,
    end,
    code: code ?? null,
    status: status ?? null,
    head: headMs === undefined ? null : rounded(headMs),
    first: firstMs === undefined ? null : rounded(firstMs),
    ms: rounded(ms),
    tokens: tokens === undefined ? null : tokensView(tokens),
  };
}

function tokensView({ prompt, answer, about }: AnswerTokens): TokensView {
  return { prompt: prompt ?? null, answer, about: about === true };
}

/** Tokens of a request; of a list of prompts those of all that have told theirs. */
export function tokensIn({ route, legs }: Pick<RequestTrace, "route" | "legs">): TokensView | null {
  if (route !== "fan_out") {
    const tokens = answering(legs)?.tokens;
    return tokens === undefined ? null : tokensView(tokens);
  }
  const told = legs.flatMap(({ leg, tokens }) => leg === "prefill" ? [] : tokens ?? []);
  if (told.length === 0) return null;
  const sum = (of: (tokens: AnswerTokens) => number): number =>
    told.reduce((all, tokens) => all + of(tokens), 0);
  return {
    prompt: sum(({ prompt = 0 }) => prompt),
    answer: sum(({ answer }) => answer),
    about: told.some(({ about, prompt }) => about === true || prompt === undefined),
  };
}

/** An engine, or a provider, by its id, or by its address where it has gone. */
function named(url: string | undefined, idOf: ViewDeps["idOf"]): string | undefined {
  return url === undefined ? undefined : idOf(url) ?? url.replace(/^https?:\/\//, "");
}
