/** A request to generate text, with what decides about its handoff. @module */
import { atOnce, OPEN_BRACKET, recordOf, type Sliced } from "../base/mod.ts";
import {
  type AnswerForm,
  type ApiRequest,
  fieldOf,
  type JsonObject,
  laxBool,
  laxInt,
  tooMany,
} from "../openai/mod.ts";
import { findingMedia } from "./messages.ts";
import { type PromptSource, readingPrompt } from "./prompt.ts";

/** A number field: absent, fine, or something only an engine should comment on. */
type Count = { readonly kind: "absent" } | { readonly kind: "is"; readonly value: number } | {
  readonly kind: "odd";
};

/** Endpoints that generate text, by the form of their requests. */
export type GenerationForm = AnswerForm | "responses" | "messages";

/** A generation request, read once. */
export interface GenerationRequest {
  readonly form: GenerationForm;
  readonly body: JsonObject;
  readonly model: string;
  readonly stream: boolean;
  /**
   * Undefined where `stream_options` leaves it open: vLLM has taken that for true, 0.32 takes it
   * for false, so that only an engine can tell.
   */
  readonly includeUsage: boolean | undefined;
  readonly continuousUsage: boolean;
  readonly prompt: PromptSource;
  /** Messages of a chat hold more than text. */
  readonly media: boolean;
  /** The limit the client set, in tokens; undefined for the engine's default. */
  readonly maxTokens: number | undefined;
  /** 0 when absent. */
  readonly minTokens: number;
  readonly stop: readonly string[];
  /** Alternatives per token that the client asked for, 0 included; undefined for no logprobs. */
  readonly logprobs: number | undefined;
  /** A field has a value that engines refuse; they shall say so themselves. */
  readonly malformed: boolean;
}

/** A request that mode P1 can answer: of an endpoint whose answers the router can write. */
export type TextRequest = GenerationRequest & { readonly form: AnswerForm };

/** Whether the router can write the answer to `request` itself. */
export function isTextRequest(request: GenerationRequest): request is TextRequest {
  return request.form === "completions" || request.form === "chat";
}

/** Read what decides out of a request to an endpoint of `form`. Throws `bad-request`. */
export function readGeneration(form: GenerationForm, request: ApiRequest): GenerationRequest {
  return atOnce(readingGeneration(form, request));
}

/** `readGeneration` in steps. */
export function* readingGeneration(
  form: GenerationForm,
  { body, model, stream }: ApiRequest,
): Sliced<GenerationRequest> {
  const maxTokens = limitOf(form, body);
  const minTokens = countOf(body, "min_tokens", 0);
  const stop = stopOf(body);
  const logprobs = logprobsOf(form, body);
  const options = fieldOf(body, "stream_options");
  const flags:
    | { readonly include_usage?: unknown; readonly continuous_usage_stats?: unknown }
    | undefined = recordOf(options);
  const usage = flags === undefined ? false : flagIn(flags.include_usage);
  const continuous = flagIn(flags?.continuous_usage_stats);
  const min = minTokens.kind === "is" ? minTokens.value : 0;
  const max = maxTokens.kind === "is" ? maxTokens.value : undefined;
  return {
    form,
    body,
    model,
    stream,
    includeUsage: usage === "odd" ? undefined : usage,
    continuousUsage: continuous === true && usage !== false,
    prompt: form === "completions" ? yield* readingPrompt(body) : { kind: "messages" },
    media: form === "chat" && (yield* findingMedia(body)),
    maxTokens: max,
    minTokens: min,
    stop: stop ?? [],
    logprobs: logprobs.kind === "is" ? logprobs.value : undefined,
    malformed: maxTokens.kind === "odd" || minTokens.kind === "odd" || stop === undefined ||
      logprobs.kind === "odd" || FLAGS.some((key) => flagOf(body, key) === "odd") ||
      usage === "odd" || continuous === "odd" ||
      (max !== undefined && min > max) ||
      (options !== undefined && (flags === undefined || !stream)) ||
      (form === "chat" && body.raw("messages")?.[0] !== OPEN_BRACKET),
  };
}

/** Flags that the router acts upon itself. */
const FLAGS = [
  "echo",
  "return_token_ids",
  "include_stop_str_in_output",
  "continue_final_message",
] as const;

/** A flag as engines take it: undefined when absent, "odd" for what only an engine should judge. */
export type Flag = boolean | undefined | "odd";

/** The flag that a field is. Throws `bad-request` when it is malformed. */
export function flagOf(body: JsonObject, key: string): Flag {
  return flagIn(fieldOf(body, key));
}

function flagIn(value: unknown): Flag {
  return value === undefined || value === null ? undefined : laxBool(value) ?? "odd";
}

/** `max_completion_tokens` wins over `max_tokens` in chat; completions know only the latter. */
function limitOf(form: GenerationForm, body: JsonObject): Count {
  if (form === "responses") return countOf(body, "max_output_tokens", 1);
  if (form === "chat") {
    const limit = countOf(body, "max_completion_tokens", 1);
    if (limit.kind !== "absent") return limit;
  }
  return countOf(body, "max_tokens", 1);
}

function countOf(body: JsonObject, key: string, least: number): Count {
  const given = fieldOf(body, key);
  if (given === undefined) return { kind: "absent" };
  const value = laxInt(given);
  return value !== undefined && value >= least ? { kind: "is", value } : { kind: "odd" };
}

/**
 * A number in completions, which vLLM does not read from text; in chat a flag beside `top_logprobs`,
 * a number that is refused without it. -1, for the whole vocabulary, is left to one engine.
 */
function logprobsOf(form: GenerationForm, body: JsonObject): Count {
  if (form !== "completions" && form !== "chat") return { kind: "absent" };
  if (form === "completions") return numberOf(body, "logprobs");
  const asked = flagOf(body, "logprobs");
  if (asked === "odd") return { kind: "odd" };
  const top = numberOf(body, "top_logprobs");
  if (top.kind === "odd") return top;
  const count = top.kind === "is" ? top.value : 0;
  if (asked === true) return { kind: "is", value: count };
  return count > 0 ? { kind: "odd" } : { kind: "absent" };
}

/** vLLM compares these as they come, and refuses text there (`check_logprobs`). */
function numberOf(body: JsonObject, key: string): Count {
  return typeof fieldOf(body, key) === "string" ? { kind: "odd" } : countOf(body, key, 0);
}

/** Stop strings of a request at most; vLLM takes 4 unless it is told otherwise. */
const MAX_STOPS = 1_024;

function stopOf(body: JsonObject): readonly string[] | undefined {
  const value = fieldOf(body, "stop");
  if (value === undefined) return [];
  if (typeof value === "string") return value === "" ? [] : [value];
  if (!Array.isArray(value) || !value.every((stop) => typeof stop === "string")) return undefined;
  if (value.length > MAX_STOPS) throw tooMany("stop", value.length, "stop strings", MAX_STOPS);
  return value.filter((stop) => stop !== "");
}
