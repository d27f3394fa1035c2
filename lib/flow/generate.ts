/** One generation request's story: hand it off, again on another pair, or serve it directly. @module */
import {
  describeError,
  type Engine,
  type ErrorCode,
  errorCodeOf,
  type Mode,
  rootCodeOf,
} from "../base/mod.ts";
import {
  directBody,
  type DirectReason,
  type GenerationRequest,
  hasKvFields,
  isTextRequest,
  promptTokensOf,
} from "../disagg/mod.ts";
import { fanOut } from "../fan_out/mod.ts";
import {
  type AttemptEnd,
  attemptP1,
  attemptRelay,
  type FindOnward,
  KeptPrompt,
  promptFor,
  type RetryEnd,
} from "../handoff/mod.ts";
import type { PairSeats } from "../fleet/mod.ts";
import type { KvProtocol } from "../kv/mod.ts";
import { priorityOf } from "../openai/mod.ts";
import { type Answer, attemptOf, type RequestContext } from "../request/mod.ts";
import type { Exclude, Pair } from "../selection/mod.ts";
import type { GenerateDeps } from "./deps.ts";
import { direct } from "./direct.ts";
import { onwardFor, pairFor } from "./onward.ts";
import { promptIn, withPrompt } from "./prompt_facts.ts";
import { decideWay, lackOf } from "./way.ts";
import { type RouteWish, whyServeAlone } from "./worth.ts";

/** What to answer. */
export interface GenerateAsk {
  readonly request: GenerationRequest;
  /** The client's path and query. */
  readonly path: string;
  readonly sessionKey: string | undefined;
  /** The client picked the engine: nothing is handed off. */
  readonly engine?: Engine | undefined;
  /** How the client wants to be served. */
  readonly wish?: RouteWish | undefined;
  /** KV of the prompt may be at a decode engine, for another request. */
  readonly apart?: boolean;
  /** Engines to go around while there are others. */
  readonly exclude?: readonly Exclude[];
}

/**
 * Answer a generation request, each prompt of several by itself. Throws `RouterError` when nothing
 * has reached the client.
 */
export async function generate(
  deps: GenerateDeps,
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
  deps: GenerateDeps,
  arrived: RequestContext,
  ask: GenerateAsk,
): Promise<Answer> {
  const { request } = ask;
  deps.retries.began();
  const told = withPrompt(deps, arrived, request);
  // At once where nothing of the prompt has to be read: seats are taken in the order of arrival.
  const context = told instanceof Promise ? await told : told;
  if (ask.engine !== undefined) return await serve(deps, context, ask);
  const group = deps.fleet.snapshot().group(request.model);
  const way = decideWay(request, group, { kv: deps.kv, exactPrompts: deps.prompts.exact });
  if (way.kind === "direct") return await goDirect(deps, context, ask, way.reason);
  const { mode, exact, takes } = way;
  const alone = whyServeAlone(deps, context, ask, takes);
  if (alone !== undefined) return await goDirect(deps, context, ask, alone);
  const kept = new KeptPrompt();
  const { earlyIds } = context;
  if (earlyIds !== undefined && (!exact || earlyIds.exact)) kept.tokens = earlyIds.tokens;
  const find = onwardFor(deps, context, { request, sessionKey: ask.sessionKey, mode, takes });
  let exclude: readonly Exclude[] = [];
  let failed: RetryEnd | undefined;
  /** The failure that the next attempt is to make up for, until it is made. */
  let owed: RetryEnd | undefined;
  let tried: Pair | undefined;
  for (let attempt = 1;; attempt++) {
    const choice = await pairFor(deps, context, {
      ask: {
        model: request.model,
        session: ask.sessionKey,
        ...promptIn(context),
        mode,
        attempt,
        exclude,
        tried,
        takes,
      },
      promptTokens: () => kept.tokens?.count ?? promptTokens(deps, request),
      elsewhere: () => hasDirect(deps, request.model),
      declines: (pair) =>
        owed !== undefined &&
        (repeats(pair, owed, exclude) || sharesPages(deps, pair, owed, exclude) ||
          !deps.retries.take()),
      priority: () => priorityOf(request.body),
    });
    if (choice.kind === "none") {
      if (failed !== undefined && isSpoilt(exclude)) {
        return await giveUp(deps, context, ask, { ...failed, exclude });
      }
      const apart = failed !== undefined;
      return await goDirect(deps, context, { ...ask, apart }, lackOf(choice.lacks));
    }
    if (choice.kind === "shut") {
      if (failed !== undefined) return await giveUp(deps, context, ask, { ...failed, exclude });
      // KV of the prompt may have come from a handoff that the engines gave up.
      return await goDirect(deps, context, { ...ask, apart: true }, "pair_shut");
    }
    if (owed !== undefined) noteRetry(deps, context, owed);
    owed = undefined;
    const { pair, seats, trial = false } = choice;
    tried = pair;
    const asked = { ...ask, mode, pair, seats, kept, exact, trial, find };
    const end = await tryPair(deps, attemptOf(context, deps.random), asked);
    switch (end.kind) {
      case "answer":
        return end.answer;
      case "direct":
        return await goDirect(deps, context, {
          ...ask,
          // Found before it has landed, that KV would be garbage; and it is released meanwhile.
          apart: end.moved === true || failed !== undefined,
        }, end.reason);
      case "retry":
        exclude = [...exclude, ...end.exclude];
        if (attempt > deps.retries.perRequest) {
          return await giveUp(deps, context, ask, { ...end, exclude });
        }
        failed = owed = end;
        break;
      case "larger":
        // Before anything of it was sent: it waits for as much room as it needs.
        attempt--;
        break;
      default:
        end satisfies never;
    }
  }
}

/** About how many tokens the prompt has: no more than any engine would take. */
function promptTokens({ fleet }: GenerateDeps, request: GenerationRequest): number {
  const most = fleet.snapshot().maxModelLen(request.model) ?? Infinity;
  return Math.min(promptTokensOf(request), most);
}

/** Answer a request whose handoff has failed, and for which no other pair is left. */
async function giveUp(
  deps: GenerateDeps,
  context: RequestContext,
  ask: GenerateAsk,
  failed: RetryEnd,
): Promise<Answer> {
  const refused = failed.error.refusal !== undefined;
  const unsafe = isSpoilt(failed.exclude) && !isSetApart(deps, ask);
  if (refused || unsafe || !hasDirect(deps, ask.request.model)) throw failed.error;
  deps.log.warning("The handoff failed: one engine serves the whole request", () => ({
    request: context.id,
    reason: failed.reason,
    error: describeError(failed.error),
  }));
  // Set apart from its pages, also a spoilt engine serves, for want of others.
  const exclude = failed.exclude.map(({ id }) => ({ id, why: "failed" }) as const);
  return await goDirect(deps, context, { ...ask, apart: true, exclude }, "handoff_failed");
}

/** Whether an engine that serves is to answer where no pair can. */
function hasDirect({ fleet, failurePolicy }: GenerateDeps, model: string): boolean {
  if (failurePolicy === "error") return false;
  const { direct } = fleet.snapshot().group(model);
  return direct.some(({ verdict: { kind } }) => kind !== "shut" && kind !== "leaving");
}

/** Whether a direct request that is to be set apart looks up no KV that waits for others. */
function isSetApart({ trustClientKvParams }: GenerateDeps, { request }: GenerateAsk): boolean {
  // The client's own parameters take the place of the tag.
  return !trustClientKvParams || !hasKvFields(request.body);
}

function isSpoilt(exclude: readonly Exclude[]): boolean {
  return exclude.some(({ why }) => why === "spoilt");
}

/** Whether `pair` has nothing new over the attempts that failed, and the last failure speaks against it. */
function repeats(
  { prefill, decode }: Pair,
  failed: RetryEnd,
  exclude: readonly Exclude[],
): boolean {
  // An engine may close a connection it kept; a fresh attempt is as good as the first.
  if (errorCodeOf(failed.error.cause) === "upstream-lost") return false;
  return exclude.filter(({ why }) => why === "failed")
    .every(({ id }) => id === prefill.id || id === decode.id);
}

/** Failures of engines that may have begun what they have not ended. */
const UNTOLD: ReadonlySet<unknown> = new Set<ErrorCode>([
  "upstream-lost",
  "upstream-timeout",
  "upstream-protocol",
]);

/**
 * Whether the decode engine of `pair` may hold pages of this prompt that a prefill engine, which has
 * failed since, has not written: another one finds them there, and does not send them.
 */
function sharesPages(
  { kv }: Pick<GenerateDeps, "kv">,
  { prefill, decode }: Pair,
  { reason, error }: RetryEnd,
  exclude: readonly Exclude[],
): boolean {
  if (reason !== "prefill_failed" || !UNTOLD.has(rootCodeOf(error))) return false;
  if (kv.of(decode)?.traits.holds !== true) return false;
  const is = (engine: Engine, mark: Exclude["why"]): boolean =>
    exclude.some(({ id, why }) => id === engine.id && why === mark);
  return is(decode, "tainted") && !is(prefill, "failed");
}

function noteHandoff(deps: GenerateDeps, context: RequestContext, pair: Pair): void {
  deps.log.debug("Handing off", () => ({
    request: context.id,
    route: context.trace.route,
    prefill: pair.prefill.url,
    decode: pair.decode.url,
  }));
}

function noteRetry(deps: GenerateDeps, context: RequestContext, failed: RetryEnd): void {
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
  readonly mode: Mode;
  readonly pair: Pair;
  /** Given back when the attempt has ended, but for what goes on. */
  readonly seats: PairSeats | undefined;
  readonly kept: KeptPrompt;
  /** Only the ids that the client's endpoint makes will do. */
  readonly exact: boolean;
  /** Whether this finds out if the pair works again. */
  readonly trial: boolean;
  /** Finds who goes on with the stream; undefined where nobody may. */
  readonly find: FindOnward | undefined;
}

/** How an attempt ended; `larger`: the prompt has more tokens than there was room made for. */
type TryEnd = AttemptEnd | { readonly kind: "larger" };

async function tryPair(
  deps: GenerateDeps,
  context: RequestContext,
  asked: PairTry,
): Promise<TryEnd> {
  const { request, path, mode, pair, find } = asked;
  using seats = asked.seats;
  const protocol = deps.kv.of(pair.decode);
  if (protocol === undefined) return { kind: "direct", reason: "no_nixl_receiver" };
  context.trace.route = mode === "p1" ? "handoff_p1" : protocol.traits.route;
  context.trace.pair = pair;
  context.trace.accept();
  noteHandoff(deps, context, pair);
  return mode === "d1"
    ? await attemptRelay(deps, context, { request, path, pair, seats, find }, protocol)
    : await tryP1(deps, context, asked, protocol);
}

async function tryP1(
  deps: GenerateDeps,
  context: RequestContext,
  { request, pair, seats, kept, exact, trial, find }: PairTry,
  protocol: KvProtocol,
): Promise<TryEnd> {
  if (!isTextRequest(request)) return { kind: "direct", reason: "endpoint" };
  const prompt = await promptFor(deps, context, { request, pair, kept, exact });
  if (prompt.kind !== "known" && prompt.kind !== "told") return prompt;
  if (kept.tokens !== undefined && seats?.kv?.settle(kept.tokens.count) === false) {
    return { kind: "larger" };
  }
  return await attemptP1(deps, context, { request, pair, prompt, seats, trial, find }, protocol);
}

async function goDirect(
  deps: GenerateDeps,
  context: RequestContext,
  ask: GenerateAsk,
  reason: DirectReason,
): Promise<Answer> {
  context.trace.route = "direct";
  context.trace.directReason = reason;
  deps.metrics.count("pd_router_direct_total", { reason });
  deps.log.debug("Serving directly", { request: context.id, reason });
  return await serve(deps, context, ask, FALLBACKS.has(reason) ? deps.fallbackShare : undefined);
}

/** Why requests go direct that would be handed off if that worked. */
const FALLBACKS: ReadonlySet<DirectReason> = new Set(["pair_shut", "handoff_failed"]);

/** One engine answers, the client's choice if it made one; `share` as in `Roomy`. */
function serve(
  deps: GenerateDeps,
  context: RequestContext,
  ask: GenerateAsk,
  share?: number,
): Promise<Answer> {
  const { request, path, sessionKey, engine, apart = false, exclude } = ask;
  const { engines } = deps.fleet.snapshot();
  return direct(deps, context, {
    path,
    model: request.model,
    sessionKey,
    body: directBody(request, {
      trusted: deps.trustClientKvParams,
      tagged: (deps.lmcacheTagDirect || apart) && deps.kv.holds(engines),
    }),
    stream: request.stream,
    began: true,
    priority: () => priorityOf(request.body),
    ...(engine === undefined ? {} : { engine }),
    ...(share === undefined ? {} : { share }),
    ...(exclude === undefined ? {} : { exclude }),
  });
}
