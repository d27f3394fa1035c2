/** Another pair for a stream whose decode engine has failed. @module */
import { describeError, type Engine, type Mode, RouterError, sleep } from "../base/mod.ts";
import { type GenerationRequest, isContinuable } from "../disagg/mod.ts";
import type { FindOnward, Onward, OnwardWish } from "../handoff/mod.ts";
import { priorityOf } from "../openai/mod.ts";
import { exchange, MAX_JSON_BYTES, passOver, type RequestContext } from "../request/mod.ts";
import type { Pair, Takes } from "../selection/mod.ts";
import { type AdmittedPair, pairOrElse, type PairWish } from "./admission.ts";
import type { GenerateDeps } from "./deps.ts";
import { promptIn } from "./prompt_facts.ts";

/** Whose stream. */
export interface OnwardAsk {
  readonly request: GenerationRequest;
  readonly sessionKey: string | undefined;
  readonly mode: Mode;
  readonly takes: Takes;
}

/** How often an engine that has failed is asked whether it is there, where there is no other, and when. */
const ASKED_AGAIN = 2;
const ASK_AGAIN_MS = 1_000;

/** What finds a pair that goes on with the answer to `ask`; undefined where none may. */
export function onwardFor(
  deps: GenerateDeps,
  context: RequestContext,
  ask: OnwardAsk,
): FindOnward | undefined {
  if (!deps.continueStreams || !isContinuable(ask.request)) return undefined;
  return (wish) => find(deps, context, ask, wish);
}

async function find(
  deps: GenerateDeps,
  context: RequestContext,
  { request, sessionKey, mode, takes }: OnwardAsk,
  { exclude, tokens, signal }: OnwardWish,
): Promise<Onward> {
  let spent = false;
  // The answer has begun: that it waits for room is nothing to tell.
  const asking = { ...context, signal, onQueued: undefined };
  const choice = await pairFor(deps, asking, {
    ask: {
      model: request.model,
      session: sessionKey,
      ...promptIn(context),
      mode,
      attempt: 2,
      exclude,
      takes,
    },
    promptTokens: () => tokens,
    // A pair that is shut would only fail again.
    elsewhere: () => true,
    declines: () => {
      spent = !deps.retries.take();
      return spent;
    },
    priority: () => priorityOf(request.body),
  });
  if (choice.kind !== "pair") return { kind: "none", why: spent ? "no_budget" : "no_pair" };
  const { pair, seats } = choice;
  const protocol = deps.kv.of(pair.decode);
  const failed = exclude.some(({ id }) => id === pair.decode.id);
  const known = protocol !== undefined && (!failed || await isThere(deps, pair, asking));
  if (known && !signal.aborted) return { kind: "pair", pair, seats, protocol };
  seats?.[Symbol.dispose]();
  return { kind: "none", why: "no_pair" };
}

/** A pair, with its seats where these are bounded. */
export function pairFor(
  { fleet, admission }: GenerateDeps,
  context: RequestContext,
  wish: PairWish,
): AdmittedPair | Promise<AdmittedPair> {
  if (admission !== undefined) return admission.pair(context, wish);
  return pairOrElse(fleet.choosePair(wish.ask), wish);
}

/** Whether the decode engine, which has failed, answers: it may have been started anew. */
async function isThere(
  deps: GenerateDeps,
  { decode }: Pair,
  context: RequestContext,
): Promise<boolean> {
  for (let asked = 0; asked < ASKED_AGAIN; asked++) {
    if (asked > 0 && await sleep(deps.clock, ASK_AGAIN_MS, context.signal) === "aborted") break;
    if (await answers(deps, decode, context)) return true;
  }
  return false;
}

async function answers(
  deps: GenerateDeps,
  engine: Engine,
  { headers, signal }: RequestContext,
): Promise<boolean> {
  using flight = deps.fleet.take(engine, "models");
  try {
    using response = await exchange(deps, flight, {
      method: "GET",
      path: "/v1/models",
      headers,
      headTimeoutMs: deps.timeouts.connectMs,
      signal,
    });
    await passOver(response, MAX_JSON_BYTES);
    return response.status === 200;
  } catch (error) {
    if (!(error instanceof RouterError)) throw error;
    deps.log.debug("An engine that failed is not there", () => ({
      url: engine.url,
      error: describeError(error),
    }));
    return false;
  }
}
