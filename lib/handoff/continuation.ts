/**
 * A stream whose decode engine has failed, gone on with by another pair: a fresh prefill of the prompt
 * and of all tokens that the client has, then a decode.
 * @module
 */
import { describeError, type ErrorCode, errorCodeOf, type Mode, RouterError } from "../base/mod.ts";
import { flagOf, type TextRequest, wantsTokenIds, withTokens } from "../disagg/mod.ts";
import type { Flight } from "../fleet/mod.ts";
import {
  asUsage,
  rawJsonText,
  spelledLogprobs,
  stoppedUsage,
  type StreamWriter,
  type TokenDetails,
  type Usage,
} from "../openai/mod.ts";
import { attemptOf, isOverload, type RequestContext } from "../request/mod.ts";
import type { Exclude, Pair } from "../selection/mod.ts";
import { decodeOn, type LegAsk, type LegFailed, prefillOn, relayOn } from "./continued_leg.ts";
import type { OpenDecode } from "./decode.ts";
import type { HandoffDeps } from "./deps.ts";
import { EventPump, type Seam } from "./event_pump.ts";
import { type FirstText, firstText, TextJoiner, type TextOfIds } from "./first_text.ts";
import type { Given, SaidText } from "./given.ts";
import type { FindOnward, Onward } from "./onward.ts";
import type { FirstTokenResult } from "./prefill.ts";
import { heldText, type SeamText, seamText } from "./seam_text.ts";
import { StopJoin } from "./stop_join.ts";

/** Further pairs that one stream may have. */
const MAX_CONTINUATIONS = 2;

/** What holds for a stream, whoever goes on with it. */
export interface ContinuationParts {
  readonly request: TextRequest;
  readonly mode: Mode;
  /** The pair of its beginning. */
  readonly pair: Pair;
  readonly find: FindOnward;
  /** What the client has; told by whoever reads the stream. */
  readonly given: Given;
  /** JSON text of the prompt's ids; undefined where no engine has told them. */
  readonly promptIds: () => Uint8Array | undefined;
  /** Limit of the whole answer in tokens; undefined where it cannot be told. */
  readonly maxTokens: () => Promise<number | undefined>;
  /** Of the first prefill. */
  readonly usage: () => Usage | undefined;
  readonly writer: () => StreamWriter;
  /** Looks for the stop strings, where the router does so from the beginning. */
  readonly stops: StopJoin | undefined;
  /** What the decode engine said, where it looked for the stop strings. */
  readonly said?: SaidText;
}

/** What goes on. */
export type Continued =
  | {
    readonly kind: "open";
    readonly open: OpenDecode;
    readonly seam: Seam;
    readonly pump: EventPump;
    readonly flight: Flight;
  }
  /** The writer has all of it. */
  | { readonly kind: "ended" };

/** Why a stream is not gone on with, as a metric label. */
type Obstacle = "unfit" | "no_ids" | "no_text" | "too_many" | "no_pair" | "no_budget";

/** One try, or why there is no point in others. */
type Try =
  | Continued
  | LegFailed
  | { readonly kind: "gone" }
  | { readonly kind: "none"; readonly why: Obstacle };

/** What a try is made of. */
interface TryParts {
  readonly context: RequestContext;
  readonly leg: LegAsk;
  readonly at: SeamText;
  readonly textOf: TextOfIds;
}

/** Goes on with one stream, twice at most. */
export class Continuation {
  readonly #deps: HandoffDeps;
  readonly #context: RequestContext;
  readonly #parts: ContinuationParts;
  #exclude: readonly Exclude[] = [];
  #pair: Pair;
  #left = MAX_CONTINUATIONS;
  #stops: StopJoin | undefined;
  #said: SaidText | undefined;

  constructor(deps: HandoffDeps, context: RequestContext, parts: ContinuationParts) {
    this.#deps = deps;
    this.#context = context;
    this.#parts = parts;
    this.#pair = parts.pair;
    this.#stops = parts.stops;
    this.#said = parts.said;
  }

  /**
   * Go on behind a failure; undefined where that cannot be, and the failure is to be told. What came
   * of it is counted and logged. `gone` aborts when the client has left.
   */
  async next(error: unknown, gone: AbortSignal): Promise<Continued | undefined> {
    if (!this.#mayGoOn(error, gone)) return undefined;
    const { prefill, decode } = this.#pair;
    const failed = [{ id: decode.id, why: "failed" }] as const;
    this.#exclude = errorCodeOf(error) === "kv-timeout"
      ? [...this.#exclude, ...failed, { id: prefill.id, why: "failed" }]
      : [...this.#exclude, ...failed];
    for (;;) {
      const end = await this.#guarded(gone);
      switch (end.kind) {
        case "open":
        case "ended":
          this.#count("continued");
          return end;
        case "gone":
          return undefined;
        case "none":
          this.#count(end.why);
          this.#warn("Cannot go on with a stream", error, { why: end.why });
          return undefined;
        case "failed":
          this.#count("failed");
          this.#warn("Going on with a stream failed", end.error);
          this.#exclude = [...this.#exclude, ...end.exclude];
          break;
        default:
          end satisfies never;
      }
    }
  }

  /** The answer was complete, but for what engines tell behind its end. */
  completed(): void {
    this.#count("completed");
  }

  /** Whether it was the decode leg that failed, and neither the client nor the router has ended it. */
  #mayGoOn(error: unknown, gone: AbortSignal): error is RouterError {
    if (!(error instanceof RouterError) || OTHERS.has(error.code)) return false;
    const { refusal } = error;
    if (refusal !== undefined && refusal.status < 500 && !isOverload(refusal.status)) return false;
    return !gone.aborted && !this.#context.signal.aborted && !this.#deps.background.signal.aborted;
  }

  async #guarded(gone: AbortSignal): Promise<Try> {
    try {
      return await this.#try(gone);
    } catch (error) {
      if (!(error instanceof RouterError) || error.code === "internal") throw error;
      // Of room for one more stream there is none, or nobody waits for it any more.
      return error.code === "client-gone" ? { kind: "gone" } : { kind: "none", why: "no_pair" };
    }
  }

  async #try(gone: AbortSignal): Promise<Try> {
    const { given, request, find } = this.#parts;
    const promptIds = this.#parts.promptIds();
    if (given.obstacle !== undefined) return { kind: "none", why: given.obstacle };
    if (promptIds === undefined) return { kind: "none", why: "no_ids" };
    const most = await this.#parts.maxTokens();
    const tokens = given.ids.length;
    if (most === undefined || most <= tokens) return { kind: "none", why: "unfit" };
    if (this.#left === 0) return { kind: "none", why: "too_many" };
    this.#left--;
    const prompt = this.#parts.usage()?.prompt_tokens ?? 0;
    const found = await find({ exclude: this.#exclude, tokens: prompt + tokens, signal: gone });
    if (found.kind === "none") return found;
    using seats = found.seats;
    this.#pair = found.pair;
    given.engine = found.pair.decode;
    const context = { ...attemptOf(this.#context, this.#deps.random), signal: gone };
    const textOf: TextOfIds = (ids) =>
      this.#deps.tokenizer.detokenize(given.engine, request.model, ids, context);
    const at = await seamText(given.ids, promptIds, textOf);
    if (at === undefined || !await this.#release(at, promptIds, textOf)) {
      return { kind: "none", why: "no_text" };
    }
    this.#note(found, tokens);
    const leg: LegAsk = {
      request: { ...request, minTokens: Math.max(0, request.minTokens - tokens) },
      pair: found.pair,
      seats,
      protocol: found.protocol,
      ids: withTokens(promptIds, given.ids.slice()),
      maxTokens: most - tokens,
      gone,
    };
    const parts = { context, leg, at, textOf };
    return this.#parts.mode === "p1" ? await this.#byP1(parts) : await this.#byRelay(parts);
  }

  /** What an engine held back is looked through, and goes out; false where it cannot be told. */
  async #release(at: SeamText, promptIds: Uint8Array, textOf: TextOfIds): Promise<boolean> {
    const said = this.#said;
    if (said === undefined) return true;
    const { request, given } = this.#parts;
    const { form, stop: stops, minTokens, body } = request;
    if (form === "completions" && stops.length === 0) {
      // No parser takes anything out there, and nothing is held back for a stop string.
      this.#said = undefined;
      return true;
    }
    const include = flagOf(body, "include_stop_str_in_output") === true;
    const held = await heldText(said, given.ids, at, promptIds, textOf);
    const most = include ? 0 : Math.max(0, ...stops.map(({ length }) => length - 1));
    if (held === undefined || held.length > most) return false;
    this.#said = undefined;
    if (stops.length === 0) return true;
    this.#stops = new StopJoin({ stops, include, minTokens }, textOf, []);
    const text = this.#stops.resume(said.tail, held, given.ids.length, given.ids.slice(-CONTEXT));
    if (text === "") return true;
    const usage = request.continuousUsage ? this.#runningUsage() : undefined;
    this.#parts.writer().text(rawJsonText(text), usage);
    return true;
  }

  #runningUsage(): Usage | undefined {
    const { usage, given } = this.#parts;
    const { prompt_tokens_details: _details, ...counts } = usage() ?? {};
    return stoppedUsage(asUsage(counts), given.ids.length);
  }

  async #byP1({ context, leg, at, textOf }: TryParts): Promise<Try> {
    const prefilled = await prefillOn(this.#deps, context, leg);
    if (prefilled.kind !== "prefilled") return prefilled;
    using custody = prefilled.custody;
    const { result } = prefilled;
    const first = await firstOn(result, at, textOf);
    if (first.kind === "unknown") return { kind: "none", why: "no_text" };
    const ends = result.finishReason === "stop" || leg.maxTokens === 1;
    const joiner = first.kind === "partial" && !ends ? first.joiner : undefined;
    const before = this.#parts.given.ids.length + 1;
    const seam = this.#seam({ joiner, before, maxTokens: leg.maxTokens - 1 });
    const pump = new EventPump(seam, this.#parts.writer());
    await pump.first({
      envelope: {},
      choice: { stop_reason: result.stopReason },
      text: first.kind === "whole" ? first.text : "",
      finishReason: ends ? result.finishReason : undefined,
      tokenIds: [result.firstToken],
      usage: undefined,
    }, this.#details(result, at, first));
    if (pump.done) return { kind: "ended" };
    const moved = { ...prefilled, custody: custody.move() };
    const opened = await decodeOn(this.#deps, context, leg, moved);
    if (opened.kind !== "open") return opened;
    const { open } = opened.opened;
    return { kind: "open", open, seam, pump, flight: opened.flight };
  }

  async #byRelay({ context, leg, at, textOf }: TryParts): Promise<Try> {
    const opened = await relayOn(this.#deps, context, leg);
    if (opened.kind !== "open") return opened;
    const { tail, context: ids, base } = at;
    const joiner = tail.length === 0 ? undefined : new TextJoiner(textOf, ids, base, tail);
    const before = this.#parts.given.ids.length;
    const seam = this.#seam({ joiner, before, maxTokens: leg.maxTokens });
    const pump = new EventPump(seam, this.#parts.writer());
    return { kind: "open", open: opened.opened.open, seam, pump, flight: opened.flight };
  }

  #seam(own: Pick<Seam, "joiner" | "before" | "maxTokens">): Seam {
    const { request, given, usage } = this.#parts;
    return {
      ...own,
      engine: this.#pair.decode,
      prefillUsage: usage(),
      continuousUsage: request.continuousUsage,
      stops: this.#stops,
      begun: "",
      spelled: given.spelled,
      tells: { tokenIds: wantsTokenIds(request), logprobs: request.logprobs !== undefined },
      given,
    };
  }

  #details(
    { firstToken, logprobs }: FirstTokenResult,
    { tail }: SeamText,
    first: FirstText,
  ): TokenDetails | undefined {
    const { request } = this.#parts;
    const tokenIds = wantsTokenIds(request) ? [firstToken] : undefined;
    if (tokenIds === undefined && logprobs === undefined) return undefined;
    const completes = tail.length > 0 && first.kind === "whole" && first.text !== "";
    const spelled = logprobs !== undefined && completes
      ? spelledLogprobs(logprobs, 0, first.text)
      : logprobs;
    return { tokenIds, logprobs: spelled };
  }

  #note({ pair }: Extract<Onward, { readonly kind: "pair" }>, tokens: number): void {
    this.#context.trace.pair = pair;
    this.#context.trace.add("continued", pair.decode.url, `${tokens} tokens`);
    this.#deps.log.warning("Going on with a stream on another pair", () => ({
      request: this.#context.id,
      prefill: pair.prefill.url,
      decode: pair.decode.url,
      tokens,
    }));
  }

  #warn(what: string, error: unknown, more: Readonly<Record<string, string>> = {}): void {
    this.#deps.log.warning(what, () => ({
      request: this.#context.id,
      ...more,
      ...(error === undefined ? {} : { error: describeError(error) }),
    }));
  }

  #count(result: Obstacle | "continued" | "completed" | "failed"): void {
    this.#deps.metrics.count("pd_router_stream_continuations_total", { result });
  }
}

/** Ids that give a token's text its context. */
const CONTEXT = 6;

/** Failures that are not of the decode leg. */
const OTHERS: ReadonlySet<ErrorCode> = new Set(["client-gone", "shutting-down", "internal"]);

/** The text of a further token, behind what no engine has said. */
async function firstOn(
  { finishReason, text, firstToken }: FirstTokenResult,
  { tail, context }: SeamText,
  textOf: TextOfIds,
): Promise<FirstText> {
  // The token that ends an answer has no text of its own.
  if (finishReason === "stop") return { kind: "whole", text: tail.length === 0 ? text ?? "" : "" };
  const claimed = tail.length === 0 ? text : undefined;
  return await firstText(claimed, [...tail, firstToken], context, textOf);
}
