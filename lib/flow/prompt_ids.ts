/** Ids of a prompt before any engine is chosen for it, so that it can be looked up who has it cached. @module */
import { type Engine, errorCodeOf, inSlices, RouterError, signalOf } from "../base/mod.ts";
import {
  decide,
  type GenerationRequest,
  isTextRequest,
  promptTokensOf,
  type TextRequest,
} from "../disagg/mod.ts";
import type { FleetView } from "../fleet/mod.ts";
import { promptAskOf } from "../handoff/mod.ts";
import { fieldOf } from "../openai/mod.ts";
import type { EarlyIds, FlowDeps, KvLookup, RequestContext } from "../request/mod.ts";
import type { Candidate } from "../selection/mod.ts";
import { typingIds } from "../tokenization/mod.ts";

/** Prompts of about fewer tokens are not looked up: there is little to be had. */
const LEAST_TOKENS = 64;

/** Longest wait for the ids, in milliseconds: without them, the load decides. */
const WAIT_MS = 1_000;

/** How long prompts are not looked up once their ids could not be had, in milliseconds. */
const PAUSE_MS = 5_000;

/** What was found of a prompt. */
export interface LookedUp {
  readonly ids: EarlyIds;
  readonly cachedAt: (id: string) => number | undefined;
}

/** When the ids of prompts are asked for again, after they could not be had; by lookup. */
const PAUSES = new WeakMap<KvLookup, number>();

/**
 * Who has what of the prompt of `request`, with its ids; undefined where nobody can tell. It takes no
 * longer than `WAIT_MS` and never fails.
 */
export async function lookUp(
  deps: FlowDeps,
  context: RequestContext,
  request: GenerationRequest,
): Promise<LookedUp | undefined> {
  const { kvLookup: lookup, metrics, clock } = deps;
  if (lookup === undefined) return undefined;
  if (!isTextRequest(request) || request.media || !isLong(request)) return undefined;
  if (clock.now() < (PAUSES.get(lookup) ?? -Infinity)) {
    metrics.count("pd_router_kv_lookups_total", { result: "paused" });
    return undefined;
  }
  const ids = await earlyIds(deps, lookup, context, request);
  const typed = ids && await inSlices(typingIds(ids.tokens.ids, ids.tokens.count), deps.breather);
  if (ids === undefined || typed === undefined) {
    metrics.count("pd_router_kv_lookups_total", { result: "no_ids" });
    return undefined;
  }
  const { model, body } = request;
  const view = deps.fleet.snapshot();
  const salt = fieldOf(body, "cache_salt");
  const prompt = lookup.prompt(typed, {
    lora: isAdapter(view, model) ? model : "",
    salt: typeof salt === "string" ? salt : undefined,
  });
  const cachedAt = (id: string): number | undefined => lookup.cachedAt(prompt, id);
  const most = mostOf(view, model, cachedAt);
  metrics.count("pd_router_kv_lookups_total", {
    result: most === undefined ? "unknown" : most > 0 ? "hit" : "miss",
  });
  metrics.count("pd_router_kv_lookup_tokens_total", { of: "prompt" }, ids.tokens.count);
  metrics.count("pd_router_kv_lookup_tokens_total", { of: "cached" }, most ?? 0);
  return { ids, cachedAt };
}

function isLong({ prompt, body }: TextRequest): boolean {
  const single = prompt.kind === "tokens" || prompt.kind === "text" || prompt.kind === "messages";
  return single && promptTokensOf({ prompt, body }) >= LEAST_TOKENS;
}

async function earlyIds(
  deps: FlowDeps,
  lookup: KvLookup,
  context: RequestContext,
  request: TextRequest,
): Promise<EarlyIds | undefined> {
  const { prompt } = request;
  if (prompt.kind === "tokens") {
    const tokens = { ids: prompt.ids, count: prompt.count, maxModelLen: undefined };
    return { tokens, exact: true };
  }
  const engine = tokenizerOf(deps, request.model);
  if (engine === undefined) return undefined;
  const late = new AbortController();
  using _timer = deps.clock.after(Math.min(WAIT_MS, deps.timeouts.tokenizeMs), () => late.abort());
  const caller = {
    headers: context.headers,
    trace: context.trace,
    signal: AbortSignal.any([signalOf(context.signal), late.signal]),
  };
  try {
    return await askFor(deps, lookup, engine, request, caller);
  } catch (error) {
    if (!(error instanceof RouterError)) throw error;
    // Whoever has left needs nothing.
    if (errorCodeOf(error) === "client-gone" && !late.signal.aborted) return undefined;
    PAUSES.set(lookup, deps.clock.now() + PAUSE_MS);
    deps.log.warning("Prompts are not looked up for a while: no ids could be had of one", () => ({
      url: engine.url,
      error: late.signal.aborted ? "too late" : error.message,
    }));
    return undefined;
  }
}

/** As a handoff would ask: where that leaves the ids to the prefill, `/tokenize` is asked. */
async function askFor(
  deps: FlowDeps,
  { prompts }: KvLookup,
  engine: Engine,
  request: TextRequest,
  caller: Parameters<KvLookup["prompts"]["tokenize"]>[2],
): Promise<EarlyIds | undefined> {
  const decision = decide(request, P1, { exactPrompts: prompts.exact, rereads: true });
  const exact = decision.kind === "handoff" && decision.exact === true;
  const ask = promptAskOf(deps, { request, exact });
  const found = await prompts.find(engine, ask, caller);
  if (found.kind === "tokens") return { tokens: found.prompt, exact };
  if (found.kind !== "with-prefill") return undefined;
  const end = await prompts.tokenize(engine, ask, caller);
  return end.kind === "tokens" ? { tokens: end.prompt, exact: false } : undefined;
}

const P1 = new Set(["p1"] as const);

/** The engine of `model` that has least to do, of those that nothing speaks against. */
function tokenizerOf({ fleet, random }: FlowDeps, model: string): Engine | undefined {
  const { prefill, direct } = fleet.snapshot().group(model);
  let best: Candidate | undefined;
  let ties = 0;
  for (const one of [...prefill, ...direct]) {
    if (one.verdict.kind !== "good") continue;
    if (best === undefined || one.inflight < best.inflight) {
      best = one;
      ties = 1;
    } else if (one.inflight === best.inflight && random.next() * ++ties < 1) best = one;
  }
  return best?.engine;
}

/** Most tokens that any engine of `model` has; undefined where nobody knows of any. */
function mostOf(
  view: FleetView,
  model: string,
  cachedAt: (id: string) => number | undefined,
): number | undefined {
  const { prefill, direct } = view.group(model);
  let most: number | undefined;
  for (const list of [prefill, direct]) {
    for (const { engine } of list) {
      const cached = cachedAt(engine.id);
      if (cached !== undefined && cached > (most ?? -1)) most = cached;
    }
  }
  return most;
}

const ADAPTERS = new WeakMap<FleetView, Map<string, boolean>>();

/** Whether `model` is an adapter of another, as the engines' cards say. */
function isAdapter(view: FleetView, model: string): boolean {
  let known = ADAPTERS.get(view);
  if (known === undefined) ADAPTERS.set(view, known = new Map());
  let is = known.get(model);
  if (is === undefined) {
    is = view.entries.some(({ cards }) =>
      cards.some(({ id, parent }) => id === model && typeof parent === "string")
    );
    known.set(model, is);
  }
  return is;
}
