/** One generation request's story: hand it off, again on another pair, or serve it directly. @module */
import {
  describeError,
  type Engine,
  errorCodeOf,
  type FirstToken,
  type KvProtocol,
} from "../base/mod.ts";
import {
  decide,
  directBody,
  type DirectReason,
  type GenerationRequest,
  isTextRequest,
} from "../disagg/mod.ts";
import { modesOf, type Pair, protocolOf, receives, selectPair, serving } from "../selection/mod.ts";
import type { Answer } from "./answer.ts";
import type { AttemptEnd } from "./attempt.ts";
import type { HandoffDeps, RequestContext } from "./context.ts";
import { direct } from "./direct.ts";
import { fanOut } from "./fan_out.ts";
import { attemptP1 } from "./p1.ts";
import { KeptPrompt, promptFor } from "./prompt.ts";
import { attemptRelay, type RelayProtocol } from "./relay.ts";
import { lmcacheRelay, nixlRelay, sharedStorageRelay } from "./relay_protocols.ts";
import type { Route } from "./trace.ts";

/** Attempts per request; the second goes to another pair if there is one. */
const ATTEMPTS = 2;

/** What to answer. */
export interface GenerateAsk {
  readonly request: GenerationRequest;
  /** The client's path and query. */
  readonly path: string;
  readonly sessionKey: string | undefined;
  /** The client picked the engine: nothing is handed off. */
  readonly engine?: Engine | undefined;
  /** KV of the prompt may be at a decode engine, for another request. */
  readonly apart?: boolean;
}

/**
 * Answer a generation request, each prompt of several by itself. Throws `RouterError` when nothing
 * has reached the client.
 */
export async function generate(
  deps: HandoffDeps,
  context: RequestContext,
  ask: GenerateAsk,
): Promise<Answer> {
  const { request } = ask;
  if (request.prompt.kind !== "several") return await generateOne(deps, context, ask);
  return await fanOut(
    deps,
    context,
    request,
    (single, prompt) => generateOne(deps, single, { ...ask, request: prompt }),
  );
}

async function generateOne(
  deps: HandoffDeps,
  context: RequestContext,
  ask: GenerateAsk,
): Promise<Answer> {
  const { request } = ask;
  if (ask.engine !== undefined) return await serve(deps, context, ask);
  const able = serving(deps.directory.snapshot().engines, request.model);
  const decision = decide(request, modesOf(able, deps.protocol), {
    exactPrompts: deps.prompts.exact,
    rereads: able.some((engine) => engine.role === "decode" && rereads(deps, engine)),
  });
  if (decision.kind === "direct") return await goDirect(deps, context, ask, decision.reason);
  const { mode, readsAgain = false } = decision;
  const kept = new KeptPrompt();
  let failed: RetryEnd | undefined;
  let tried: Pair | undefined;
  for (let attempt = 1;; attempt++) {
    const { engines, silent } = deps.directory.snapshot();
    const choice = selectPair(engines, deps.policies, {
      model: request.model,
      sessionKey: ask.sessionKey,
      avoid: around(failed),
      silent,
      tried,
      receives: (engine) =>
        engine.id !== failed?.spoilt && receives(engine, deps.protocol, mode) &&
        (!readsAgain || rereads(deps, engine)),
    });
    if (choice.kind === "none") {
      if (failed?.spoilt !== undefined) throw failed.error;
      const lacking = choice.lacks === "prefill" ? "no_prefill_engine" : "no_nixl_receiver";
      return await goDirect(deps, context, ask, lacking);
    }
    if (failed !== undefined) {
      if (repeats(choice.pair, failed)) throw failed.error;
      noteRetry(deps, context, failed);
    }
    tried = choice.pair;
    context.trace.route = routeOf(deps, mode, choice.pair);
    noteHandoff(deps, context, choice.pair);
    const end = await tryPair(deps, context, {
      ...ask,
      mode,
      pair: choice.pair,
      kept,
      exact: decision.exact === true,
    });
    switch (end.kind) {
      case "answer":
        return end.answer;
      case "direct":
        return await goDirect(deps, context, {
          ...ask,
          // Found before it has landed, that KV would be garbage; and it is drained meanwhile.
          apart: end.moved === true || failed !== undefined,
        }, end.reason);
      case "retry":
        if (attempt === ATTEMPTS) throw end.error;
        failed = end;
        break;
      default:
        end satisfies never;
    }
  }
}

/** Whether KV waits on some decode engine until it is read. */
function hasReceiver(deps: HandoffDeps): boolean {
  return deps.directory.snapshot().engines.some((engine) =>
    engine.role === "decode" && protocolOf(engine, deps.protocol) === "lmcache"
  );
}

/** Whether `engine` can read the same KV for several samples. */
function rereads(deps: HandoffDeps, engine: Engine): boolean {
  return protocolOf(engine, deps.protocol) !== "lmcache";
}

const RELAYS = {
  lmcache: lmcacheRelay,
  nixl: nixlRelay,
  shared_storage: sharedStorageRelay,
} as const satisfies Readonly<Record<KvProtocol, RelayProtocol>>;

const RELAY_ROUTES = {
  lmcache: "handoff_d1",
  nixl: "handoff_nixl",
  shared_storage: "handoff_shared_storage",
} as const satisfies Readonly<Record<KvProtocol, Route>>;

function routeOf(deps: HandoffDeps, mode: FirstToken, { decode }: Pair): Route {
  return mode === "prefill" ? "handoff_p1" : RELAY_ROUTES[protocolOf(decode, deps.protocol)];
}

type RetryEnd = Extract<AttemptEnd, { readonly kind: "retry" }>;

/** Ids of the engines to choose others than, where there are others. */
function around(failed: RetryEnd | undefined): ReadonlySet<string> {
  const ids = new Set(failed?.avoid);
  return failed?.rather === undefined ? ids : ids.add(failed.rather);
}

/** Whether `pair` has nothing new over the attempt that failed, and its failure speaks against it. */
function repeats({ prefill, decode }: Pair, failed: RetryEnd): boolean {
  // An engine may close a connection it kept; a fresh attempt is as good as the first.
  if (errorCodeOf(failed.error.cause) === "upstream-lost") return false;
  return failed.avoid.every((id) => id === prefill.id || id === decode.id);
}

function noteHandoff(deps: HandoffDeps, context: RequestContext, pair: Pair): void {
  deps.log.debug("Handing off", () => ({
    request: context.id,
    route: context.trace.route,
    prefill: pair.prefill.url,
    decode: pair.decode.url,
  }));
}

function noteRetry(deps: HandoffDeps, context: RequestContext, failed: RetryEnd): void {
  const { reason, error } = failed;
  deps.metrics.count("pd_router_handoff_retries_total", { reason });
  deps.log.warning("Handing off again", () => ({
    request: context.id,
    reason,
    error: describeError(error),
  }));
  context.trace.add("retry", undefined, reason);
}

interface PairTry extends GenerateAsk {
  readonly mode: FirstToken;
  readonly pair: Pair;
  readonly kept: KeptPrompt;
  /** Only the ids that the client's endpoint makes will do. */
  readonly exact: boolean;
}

async function tryPair(
  deps: HandoffDeps,
  context: RequestContext,
  { request, path, mode, pair, kept, exact }: PairTry,
): Promise<AttemptEnd> {
  if (mode === "decode") {
    const protocol = RELAYS[protocolOf(pair.decode, deps.protocol)];
    return await attemptRelay(deps, context, { request, path, pair }, protocol);
  }
  const receiver = pair.decode.nixl;
  if (receiver === undefined) return { kind: "direct", reason: "no_nixl_receiver" };
  if (!isTextRequest(request)) return { kind: "direct", reason: "endpoint" };
  const prompt = await promptFor(deps, context, { request, pair, kept, exact });
  if (prompt.kind !== "known" && prompt.kind !== "told") return prompt;
  return await attemptP1(deps, context, { request, pair, receiver, prompt });
}

async function goDirect(
  deps: HandoffDeps,
  context: RequestContext,
  ask: GenerateAsk,
  reason: DirectReason,
): Promise<Answer> {
  context.trace.route = "direct";
  context.trace.directReason = reason;
  deps.metrics.count("pd_router_direct_total", { reason });
  deps.log.debug("Serving directly", { request: context.id, reason });
  return await serve(deps, context, ask);
}

/** One engine answers, the client's choice if it made one. */
function serve(deps: HandoffDeps, context: RequestContext, ask: GenerateAsk): Promise<Answer> {
  const { request, path, sessionKey, engine, apart = false } = ask;
  return direct(deps, context, {
    path,
    model: request.model,
    sessionKey,
    body: directBody(request, {
      trusted: deps.trustClientKvParams,
      tagged: (deps.lmcacheTagDirect || apart) && hasReceiver(deps),
    }),
    stream: request.stream,
    ...(engine === undefined ? {} : { engine }),
  });
}
