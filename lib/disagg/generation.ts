/** A request to generate text, with what decides about its handoff. @module */
import { decodeUtf8, isDigit, OPEN_BRACE, OPEN_BRACKET, QUOTE, recordOf } from "../base/mod.ts";
import {
  type AnswerForm,
  type ApiRequest,
  fieldOf,
  type JsonObject,
  memberOf,
  scanArray,
  type Span,
} from "../openai/mod.ts";
import { countIds, isIdList } from "../tokenization/mod.ts";

/** Where the prompt stands in the body, and in which form. */
export type PromptSource =
  | { readonly kind: "messages" }
  | { readonly kind: "text"; readonly raw: Uint8Array }
  | { readonly kind: "tokens"; readonly ids: Uint8Array; readonly count: number }
  | { readonly kind: "several" }
  | { readonly kind: "unusable" };

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

/** Read what decides out of a request to an endpoint of `form`. */
export function readGeneration(form: GenerationForm, request: ApiRequest): GenerationRequest {
  const { body, model, stream } = request;
  const maxTokens = limitOf(form, body);
  const minTokens = countOf(body, "min_tokens", 0);
  const stop = stopOf(body);
  const logprobs = logprobsOf(form, body);
  const options = fieldOf(body, "stream_options");
  const flags:
    | { readonly include_usage?: unknown; readonly continuous_usage_stats?: unknown }
    | undefined = recordOf(options);
  const min = minTokens.kind === "is" ? minTokens.value : 0;
  const max = maxTokens.kind === "is" ? maxTokens.value : undefined;
  return {
    form,
    body,
    model,
    stream,
    includeUsage: flags === undefined ? false : asFlag(flags.include_usage),
    continuousUsage: flags?.continuous_usage_stats === true && flags.include_usage !== false,
    prompt: form === "completions" ? promptOf(body) : { kind: "messages" },
    maxTokens: max,
    minTokens: min,
    stop: stop ?? [],
    logprobs: logprobs.kind === "is" ? logprobs.value : undefined,
    malformed: maxTokens.kind === "odd" || minTokens.kind === "odd" || stop === undefined ||
      logprobs.kind === "odd" || FLAGS.some((key) => !isFlag(fieldOf(body, key))) ||
      !isFlag(flags?.include_usage ?? undefined) ||
      !isFlag(flags?.continuous_usage_stats ?? undefined) ||
      (max !== undefined && min > max) ||
      (options !== undefined && (flags === undefined || !stream)) ||
      (form === "chat" && body.raw("messages")?.[0] !== OPEN_BRACKET),
  };
}

/** Flags that the router acts upon itself. Engines read other values than true and false as one. */
const FLAGS = [
  "echo",
  "return_token_ids",
  "include_stop_str_in_output",
  "continue_final_message",
] as const;

function asFlag(value: unknown): boolean | undefined {
  return typeof value === "boolean" ? value : undefined;
}

function isFlag(value: unknown): boolean {
  return value === undefined || typeof value === "boolean";
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
  const value = fieldOf(body, key);
  if (value === undefined) return { kind: "absent" };
  return typeof value === "number" && Number.isSafeInteger(value) && value >= least
    ? { kind: "is", value }
    : { kind: "odd" };
}

/**
 * A number in completions; in chat a flag beside `top_logprobs`, a number that is refused without
 * it. -1, for the whole vocabulary, is left to one engine.
 */
function logprobsOf(form: GenerationForm, body: JsonObject): Count {
  if (form !== "completions" && form !== "chat") return { kind: "absent" };
  const asked = fieldOf(body, "logprobs");
  if (form === "completions" && asked !== false) return countOf(body, "logprobs", 0);
  if (asked !== undefined && typeof asked !== "boolean") return { kind: "odd" };
  if (form === "completions") return { kind: "absent" };
  const top = countOf(body, "top_logprobs", 0);
  if (top.kind === "odd") return top;
  const count = top.kind === "is" ? top.value : 0;
  if (asked === true) return { kind: "is", value: count };
  return count > 0 ? { kind: "odd" } : { kind: "absent" };
}

function stopOf(body: JsonObject): readonly string[] | undefined {
  const value = fieldOf(body, "stop");
  if (value === undefined) return [];
  if (typeof value === "string") return value === "" ? [] : [value];
  if (!Array.isArray(value) || !value.every((stop) => typeof stop === "string")) return undefined;
  return value.filter((stop) => stop !== "");
}

function promptOf(body: JsonObject): PromptSource {
  const member = body.member("prompt");
  return member === undefined ? { kind: "unusable" } : promptAt(body.bytes, member);
}

function promptAt(bytes: Uint8Array, span: Span, inList = false): PromptSource {
  const raw = bytes.subarray(span.start, span.end);
  if (raw[0] === QUOTE) return raw.length > 2 ? { kind: "text", raw } : { kind: "unusable" };
  if (raw[0] !== OPEN_BRACKET) return { kind: "unusable" };
  const [first, second] = scanArray(bytes, span, 2);
  if (first === undefined) return { kind: "unusable" };
  const element = bytes.subarray(first.start, first.end);
  if (isDigit(element[0] ?? 0)) {
    return isIdList(raw) ? { kind: "tokens", ids: raw, count: countIds(raw) } : {
      kind: "unusable",
    };
  }
  if (inList) return { kind: "unusable" };
  if (second !== undefined) return { kind: "several" };
  return promptAt(bytes, first, true);
}

/**
 * Whether `messages` holds content other than text, found without building the messages. vLLM takes
 * parts such as `{"image_url":"…"}` without a type too (`vllm/entrypoints/chat_utils.py`).
 */
export function hasMediaParts(body: JsonObject): boolean {
  const messages = body.member("messages");
  if (messages === undefined || body.bytes[messages.start] !== OPEN_BRACKET) return false;
  for (const message of scanArray(body.bytes, messages)) {
    const content = memberOf(body.bytes, message, "content");
    if (content === undefined || body.bytes[content.start] !== OPEN_BRACKET) continue;
    for (const part of scanArray(body.bytes, content)) {
      if (body.bytes[part.start] !== OPEN_BRACE) continue;
      const type = memberOf(body.bytes, part, "type");
      if (type === undefined) return true;
      if (decodeUtf8(body.bytes.subarray(type.start, type.end)) !== '"text"') return true;
    }
  }
  return false;
}
