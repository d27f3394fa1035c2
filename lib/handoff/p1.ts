/**
 * Mode P1 of a handoff: the first token comes from the prefill engine and leaves at
 * once; the rest follows from the decode engine when the KV is there.
 * @module
 */
import { type Engine, RouterError } from "../base/mod.ts";
import {
  decodeBodyP1,
  flagOf,
  prefillBodyP1,
  prefillBodyToldP1,
  stopMaySpan,
  type TextRequest,
  wantsTokenIds,
} from "../disagg/mod.ts";
import type { PairSeats } from "../fleet/mod.ts";
import { type RawJson, spelledLength, StreamWriter } from "../openai/mod.ts";
import type { Custody, KvProtocol } from "../kv/mod.ts";
import { clientGone, orAborted, type RequestContext } from "../request/mod.ts";
import type { Pair } from "../selection/mod.ts";
import { lastIds } from "../tokenization/mod.ts";
import type { AttemptEnd } from "./attempt.ts";
import { beginPrefill, reclaimBehind } from "./begin_prefill.ts";
import type { HandoffDeps } from "./deps.ts";
import { Continuation } from "./continuation.ts";
import { openDecode, type OpenEnd } from "./decode.ts";
import type { Seam } from "./event_pump.ts";
import { type FirstText, firstText, type TextOfIds } from "./first_text.ts";
import { Given } from "./given.ts";
import { HandoffStream } from "./handoff_stream.ts";
import { refusedAnswer, withoutPrefill, withoutRoom } from "./handoff_parts.ts";
import { MissedKv } from "./missed_kv.ts";
import { type HandoffWatch, toldOfP1 } from "./kv_witness.ts";
import type { FindOnward } from "./onward.ts";
import { openWhenReady, type ReadyEnd } from "./open_when_ready.ts";
import { beginAnswer, endedAnswer, identityOf, streamAnswer } from "./p1_answer.ts";
import { byteLimit, unopenedEnd, wholeAnswer } from "./p1_whole.ts";
import { type FirstTokenResult, type PrefillAsk, tellsFirstToken } from "./prefill.ts";
import { ENDPOINTS, type KnownPrompt, type P1Prompt } from "./prompt.ts";
import { StopJoin } from "./stop_join.ts";

/** How many of the prompt's last ids give a token's text its context. */
const CONTEXT_IDS = 6;

const COMPLETIONS = "/v1/completions";

/** One attempt's fixed parts. */
export interface P1Ask<Prompt extends P1Prompt = P1Prompt> {
  readonly request: TextRequest;
  readonly pair: Pair;
  /** Of both engines, where these are bounded: what goes on behind the attempt is moved from it. */
  readonly seats?: PairSeats | undefined;
  readonly prompt: Prompt;
  /** Whether it is to be seen first that the pair works: then nothing leaves before the KV is there. */
  readonly trial?: boolean;
  /** Finds another pair that goes on with the stream; absent where none may. */
  readonly find?: FindOnward | undefined;
}

/** Try once with one pair. Throws `client-gone`. */
export async function attemptP1(
  deps: HandoffDeps,
  context: RequestContext,
  ask: P1Ask,
  protocol: KvProtocol,
): Promise<AttemptEnd> {
  const { request, pair, prompt } = ask;
  const { decode } = pair;
  const watch = deps.witness?.begin(pair);
  const { transfer, leg, custody: begun } = beginPrefill(deps, context, {
    pair,
    seats: ask.seats,
    protocol,
    model: request.model,
    mode: "p1",
    send: (params) => prefillRequest(request, prompt, params),
    logprobs: request.logprobs !== undefined,
    decodePath: COMPLETIONS,
    reclaim: async (leg, params) => {
      const end = await leg;
      const told = end.kind === "ok" ? end.result : undefined;
      const ids = prompt.kind === "known" ? prompt.ids : await prompt.idsToReclaim(told);
      return reclaimBehind(request.model, ids, end, params);
    },
  });
  using custody = begun;
  const end = await orAborted(leg, context.signal);
  if (end === "aborted") throw clientGone();
  if (end.kind === "refused") {
    custody.release();
    const elsewhere = withoutRoom("prefill", pair, end);
    if (elsewhere !== undefined) return elsewhere;
    // What an engine refuses of a whole request, or of fields that have other names there, a decode
    // engine judges as the client asked it.
    const renamed = request.form === "chat" && request.logprobs !== undefined;
    if (prompt.kind === "told" || renamed) return { kind: "direct", reason: "prefill_refused" };
    return { kind: "answer", answer: refusedAnswer(end) };
  }
  if (end.kind === "failed") return withoutPrefill(end, pair);
  const { result } = end;
  if (!tellsFirstToken(result)) {
    throw new RouterError("internal", "A prefill was taken for one that tells its first token");
  }
  const settled = prompt.kind === "known" ? prompt : await prompt.settle(result);
  if (settled.kind === "direct") return { ...settled, moved: true };
  // What this prefill has moved is reclaimed meanwhile: the next should not share pages with it.
  if (settled.kind === "retry") {
    return { ...settled, exclude: [...settled.exclude, { id: decode.id, why: "tainted" }] };
  }
  if (settled.kind !== "known") return settled;
  const known: P1Ask<KnownPrompt> = { ...ask, prompt: settled };
  if (result.finishReason === "stop" || settled.maxTokens === 1) {
    const text = await lastText(deps, context, known, result);
    const answer = endedAnswer(deps, context, known, { ...result, text });
    return { kind: "answer", answer };
  }
  const first = await readFirst(deps, context, known, result);
  if (first.kind === "unknown") {
    return { kind: "direct", reason: "detokenize_unavailable", moved: true };
  }
  const params = transfer.decodeParams(result);
  const prefilled = { result, first, params, custody: custody.move(), watch };
  return await decodeRest(deps, context, known, prefilled);
}

/** The prefill leg of `prompt`: its ids, or the client's own request that will tell them. */
function prefillRequest(
  request: TextRequest,
  prompt: P1Prompt,
  kvParams: RawJson | undefined,
): Pick<PrefillAsk, "path" | "body"> {
  return prompt.kind === "known"
    ? { path: COMPLETIONS, body: prefillBodyP1(request, prompt.ids, kvParams) }
    : { path: ENDPOINTS[request.form], body: prefillBodyToldP1(request, kvParams) };
}

/** A prefill that has answered, and what its first token says. */
interface Prefilled {
  readonly result: FirstTokenResult;
  readonly first: FirstText;
  /** `kv_transfer_params` of the decode leg. */
  readonly params: RawJson | undefined;
  readonly custody: Custody;
  readonly watch: HandoffWatch | undefined;
}

function readFirst(
  deps: HandoffDeps,
  context: RequestContext,
  ask: P1Ask<KnownPrompt>,
  result: FirstTokenResult,
): Promise<FirstText> {
  const before = lastIds(ask.prompt.ids, CONTEXT_IDS);
  const textOf = detokenizer(deps, context, ask);
  return firstText(result.text, [result.firstToken], before, textOf);
}

function detokenizer(
  deps: HandoffDeps,
  context: RequestContext,
  { pair, request }: Pick<P1Ask, "pair" | "request">,
  at: { readonly engine: Engine } = { engine: pair.decode },
): TextOfIds {
  return (ids) => deps.tokenizer.detokenize(at.engine, request.model, ids, context);
}

/**
 * What looks for stop strings where the decode engine cannot: one may have begun in the first
 * token's text. Also where that text is not known yet: a decode engine that holds text back for
 * stop strings would look, to the joining, like one that loses it. And where another pair may go on,
 * as what an engine holds back ends with it.
 */
function stopJoin(
  deps: HandoffDeps,
  context: RequestContext,
  ask: P1Ask<KnownPrompt>,
  first: FirstText,
  given: Given | undefined,
): StopJoin | undefined {
  const { body, stop: stops, minTokens } = ask.request;
  if (stops.length === 0) return undefined;
  if (given === undefined && first.kind === "whole" && !stopMaySpan(first.text, stops)) {
    return undefined;
  }
  const include = flagOf(body, "include_stop_str_in_output") === true;
  const before = lastIds(ask.prompt.ids, CONTEXT_IDS);
  const textOf = detokenizer(deps, context, ask, given);
  return new StopJoin({ stops, include, minTokens }, textOf, before);
}

/** The text of an answer of one token: of one that a parser took, what its id says. */
async function lastText(
  deps: HandoffDeps,
  context: RequestContext,
  ask: P1Ask<KnownPrompt>,
  result: FirstTokenResult,
): Promise<string> {
  if (result.text !== undefined || result.finishReason === "stop") return result.text ?? "";
  const first = await readFirst(deps, context, ask, result);
  return first.kind === "whole" ? first.text : "";
}

async function decodeRest(
  deps: HandoffDeps,
  context: RequestContext,
  ask: P1Ask<KnownPrompt>,
  prefilled: Prefilled,
): Promise<AttemptEnd> {
  const { request, pair, prompt } = ask;
  const { result, first, params, custody, watch } = prefilled;
  let told = toldOfP1(undefined);
  const joiner = first.kind === "partial" ? first.joiner : undefined;
  const given = givenOf(ask, result);
  const stops = stopJoin(deps, context, ask, first, given);
  const known = first.kind === "whole" ? first.text : "";
  const begun = stops === undefined ? known : stops.begin(known, result.firstToken);
  const tells = { tokenIds: wantsTokenIds(request), logprobs: request.logprobs !== undefined };
  const seam: Seam = {
    engine: pair.decode,
    prefillUsage: result.usage,
    onUsage: (usage) => told = toldOfP1(usage),
    onFinished: () => watch?.ended(told.prompt ?? result.usage?.prompt_tokens, told.cached),
    continuousUsage: request.continuousUsage,
    joiner,
    stops,
    begun,
    spelled: spelledIn(result),
    given,
    tells,
    // The first token is one of them.
    maxTokens: prompt.maxTokens - 1,
    maxBytes: request.stream ? undefined : byteLimit(prompt.maxTokens),
  };
  const { fleet } = deps;
  const seat = ask.seats?.decode;
  const about = { model: request.model, record: context.trace };
  const flight = fleet.take(pair.decode, "decode", pair.prefill, seat, about);
  const missed = new MissedKv(deps, pair);
  const timedOut = (): RouterError => missed.error();
  const open = (gone: AbortSignal): Promise<ReadyEnd<OpenEnd>> =>
    openWhenReady(deps, context, custody, {
      missed: missed.note,
      open: (abort) => {
        if (!context.trace.lacksKv) watch?.sent();
        return openDecode(deps, context, {
          flight,
          path: COMPLETIONS,
          body: decodeBodyP1(request, {
            promptIds: prompt.ids,
            firstToken: result.firstToken,
            maxTokens: prompt.maxTokens,
            tokenIds: joiner !== undefined || stops !== undefined || tells.tokenIds ||
              given !== undefined,
            ownStops: stops !== undefined,
            kvTransferParams: params,
          }),
        }, abort);
      },
      gone,
    });
  const identity = identityOf(deps, context, request);
  if (!request.stream) {
    return await wholeAnswer(deps, context, {
      ...ask,
      result,
      seam,
      identity,
      open,
      timedOut,
      flight,
    });
  }
  let opening = open;
  if (ask.trial === true) {
    const opened = await open(context.signal);
    if (opened.kind !== "open") {
      using unused = flight;
      return unopenedEnd(opened, { pair, flight: unused, timedOut });
    }
    opening = () => Promise.resolve(opened);
  }
  const writer = new StreamWriter(identity, { includeUsage: request.includeUsage === true });
  beginAnswer(writer, ask, result, begun);
  const body = new HandoffStream(deps, {
    head: writer.take(),
    open: opening,
    seam,
    writer,
    flight,
    signal: context.signal,
    timedOut,
    continuation: continuationOf(deps, context, ask, { result, given, stops, writer }),
    told: context.told,
  });
  return { kind: "answer", answer: streamAnswer(result, body) };
}

function spelledIn({ logprobs }: FirstTokenResult): number {
  return logprobs === undefined ? 0 : spelledLength(logprobs);
}

/** What the client has with the first token, where another pair may go on. */
function givenOf(
  { request, pair, prompt, find }: P1Ask<KnownPrompt>,
  result: FirstTokenResult,
): Given | undefined {
  if (find === undefined || !request.stream) return undefined;
  const given = new Given(prompt.maxTokens, pair.decode);
  given.add([result.firstToken], true);
  given.spelled = spelledIn(result);
  return given;
}

interface BegunStream {
  readonly result: FirstTokenResult;
  readonly given: Given | undefined;
  readonly stops: StopJoin | undefined;
  readonly writer: StreamWriter;
}

function continuationOf(
  deps: HandoffDeps,
  context: RequestContext,
  { request, pair, prompt, find }: P1Ask<KnownPrompt>,
  { result, given, stops, writer }: BegunStream,
): Continuation | undefined {
  if (given === undefined || find === undefined) return undefined;
  return new Continuation(deps, context, {
    request,
    mode: "p1",
    pair,
    find,
    given,
    promptIds: () => prompt.ids,
    maxTokens: () => Promise.resolve(prompt.maxTokens),
    usage: () => result.usage,
    writer: () => writer,
    stops,
  });
}
