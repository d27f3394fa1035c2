/** What a request may ask for that a handoff cannot carry faithfully, as one table. @module */
import { recordOf } from "../base/mod.ts";
import { fieldOf, type JsonObject, laxInt } from "../openai/mod.ts";
import { flagOf, type GenerationRequest } from "./generation.ts";

/** Why a request is answered by one engine: a closed list, fit for a metric label. */
export type DirectReason =
  | "endpoint"
  | "stateful"
  | "n"
  | "beam_search"
  | "echo"
  | "suffix"
  | "prompt_logprobs"
  | "logprobs"
  | "prompt_embeds"
  | "tools"
  | "structured_output"
  | "multimodal"
  | "documents"
  | "reasoning"
  | "return_token_ids"
  | "truncate_prompt_tokens"
  | "stream_options"
  | "malformed"
  | "context_length"
  | "tokenize_refused"
  | "prompt_unknown"
  | "prefill_refused"
  | "detokenize_unavailable"
  | "decode_refused"
  | "no_prefill_engine"
  | "no_nixl_receiver"
  | "kv_buffer"
  | "pair_shut"
  | "short_prompt"
  | "prefill_busy"
  | "asked"
  | "handoff_failed";

/** One row: how a feature is recognised, and which modes carry it. */
export interface Feature {
  readonly reason: DirectReason;
  /** What it is, for people. */
  readonly what: string;
  /** Whether mode P1 carries it: tokens go to `/v1/completions`, the first one from the prefill. */
  readonly p1: boolean;
  /** Whether mode P1 carries it with ids that the client's endpoint made, and not `/tokenize`. */
  readonly exactP1?: true;
  /** Whether mode D1 and the other relays carry it: both engines get the client's own request. */
  readonly d1: boolean;
  /**
   * The KV is read more than once. LMCache's receiver gives it up with the first read, and the
   * second one ends the engine ("not found in local data").
   *
   * Source: LMCache `lmcache/v1/storage_backend/pd_backend.py` (`get_blocking`, 0.5.6).
   */
  readonly readsAgain?: true;
  readonly present: (request: GenerationRequest) => boolean;
}

/** Longest beginning of a value that is looked at for whether it is empty, or 0, in bytes. */
const EMPTY_BYTES = 256;

/** Whether a field asks for something: absent, null, false, 0, "", [] and {} do not. */
function asks(body: JsonObject, key: string): boolean {
  const raw = body.raw(key);
  if (raw === undefined || raw.length > EMPTY_BYTES) return raw !== undefined;
  const value = fieldOf(body, key);
  const members = recordOf(value);
  return members === undefined ? Boolean(value) : Object.keys(members).length > 0;
}

function anyAsked(...keys: readonly string[]): Feature["present"] {
  return ({ body }) => keys.some((key) => asks(body, key));
}

/** Whether a flag is set, or has a value that only an engine should judge. */
function isSet(body: JsonObject, key: string): boolean {
  const flag = flagOf(body, key);
  return flag !== undefined && flag !== false;
}

function anySet(...keys: readonly string[]): Feature["present"] {
  return ({ body }) => keys.some((key) => isSet(body, key));
}

function moreThanOne(key: string): (body: JsonObject) => boolean {
  return (body) => body.has(key) && laxInt(fieldOf(body, key)) !== 1;
}

const severalSamples = [moreThanOne("n"), moreThanOne("best_of")];

function wantsStructure({ body }: GenerationRequest): boolean {
  if (body.has("response_format") && !isPlainText(body)) return true;
  return [
    "structured_outputs",
    "guided_json",
    "guided_regex",
    "guided_choice",
    "guided_grammar",
    "structural_tag",
  ].some((key) => asks(body, key));
}

/** Of a format that is no schema, little can be said. */
function isPlainText(body: JsonObject): boolean {
  if ((body.raw("response_format")?.length ?? 0) > EMPTY_BYTES) return false;
  return recordOf(fieldOf(body, "response_format"))?.["type"] === "text";
}

/** Whether an answer in more than text is asked for. */
function wantsMedia({ body }: Pick<GenerationRequest, "body">): boolean {
  if (asks(body, "audio")) return true;
  if (!asks(body, "modalities")) return false;
  const asked = fieldOf(body, "modalities");
  return ![asked].flat().every((modality) => modality === "text");
}

/** Whether the answer begins with the prompt, and the request holds the prompt's text. */
export function echoesText({ body, form, prompt }: GenerationRequest): boolean {
  return form === "completions" && prompt.kind === "text" && isSet(body, "echo");
}

/** Whether the answer tells the ids of the prompt's tokens and of its own. */
export function wantsTokenIds({ body, form }: GenerationRequest): boolean {
  return (form === "completions" || form === "chat") && isSet(body, "return_token_ids");
}

/** Whether the answer must be a tool call: then one token of it cannot be parsed. */
export function forcesTool({ body }: Pick<GenerationRequest, "body">): boolean {
  const choice = fieldOf(body, "tool_choice");
  const members = recordOf(choice);
  const kind = members === undefined ? choice : members["type"];
  return kind !== undefined && kind !== "auto" && kind !== "none";
}

const NEITHER = { p1: false, d1: false } as const;
const BOTH = { p1: true, d1: true } as const;
const D1_ONLY = { p1: false, d1: true } as const;
const D1_OR_EXACT = { ...D1_ONLY, exactP1: true } as const;

/** Whether tools are in the prompt at most: the answer cannot call one. */
function noToolCalled({ body }: GenerationRequest): boolean {
  return fieldOf(body, "tool_choice") === "none" && !asks(body, "functions") &&
    !asks(body, "function_call");
}

/** The rows in order of precedence: the first that applies gives the reason. */
export const FEATURES: readonly Feature[] = [
  {
    reason: "malformed",
    what: "A field with a value that engines refuse, or take for another",
    ...NEITHER,
    present: (request) => request.malformed || request.prompt.kind === "unusable",
  },
  {
    reason: "beam_search",
    what: "Beam search",
    ...NEITHER,
    present: anySet("use_beam_search"),
  },
  {
    reason: "echo",
    what: "echo with logprobs",
    ...NEITHER,
    present: ({ body }) => isSet(body, "echo") && body.has("logprobs"),
  },
  { reason: "suffix", what: "suffix", ...NEITHER, present: anyAsked("suffix") },
  {
    reason: "prompt_logprobs",
    what: "prompt_logprobs",
    ...NEITHER,
    present: ({ body }) => body.has("prompt_logprobs"),
  },
  {
    reason: "prompt_embeds",
    what: "prompt_embeds",
    ...NEITHER,
    present: anyAsked("prompt_embeds"),
  },
  {
    reason: "stateful",
    what: "Responses that build on, or are fetched as, stored ones",
    ...NEITHER,
    present: (request) =>
      anyAsked("previous_response_id", "conversation")(request) ||
      isSet(request.body, "background"),
  },
  {
    reason: "endpoint",
    what: "/v1/responses and /v1/messages",
    ...D1_ONLY,
    present: ({ form }) => form === "responses" || form === "messages",
  },
  {
    reason: "n",
    what: "n > 1",
    ...D1_ONLY,
    readsAgain: true,
    present: ({ body }) => severalSamples.some((test) => test(body)),
  },
  {
    reason: "echo",
    what: "echo of a text prompt",
    ...BOTH,
    present: (request) => echoesText(request),
  },
  {
    // vLLM makes prompt log-probabilities for it, and then reads no KV from elsewhere.
    reason: "echo",
    what: "echo of messages",
    ...NEITHER,
    present: ({ body, form }) => form === "chat" && isSet(body, "echo"),
  },
  {
    reason: "echo",
    what: "echo of token ids",
    ...D1_ONLY,
    present: (request) =>
      request.form !== "chat" && isSet(request.body, "echo") && !echoesText(request),
  },
  {
    reason: "tools",
    what: "Tools and functions",
    ...D1_ONLY,
    present: (request) =>
      forcesTool(request) ||
      (anyAsked("tools", "functions", "function_call")(request) && !noToolCalled(request)),
  },
  {
    reason: "tools",
    what: 'Tools with `tool_choice: "none"`',
    ...D1_OR_EXACT,
    present: (request) => asks(request.body, "tools") && noToolCalled(request),
  },
  {
    reason: "structured_output",
    what: "Structured output",
    ...D1_ONLY,
    present: wantsStructure,
  },
  {
    reason: "logprobs",
    what: "logprobs",
    ...BOTH,
    present: ({ form, body }) =>
      form === "chat"
        ? isSet(body, "logprobs") || asks(body, "top_logprobs")
        : body.has("logprobs"),
  },
  {
    reason: "multimodal",
    what: "Images, audio, video",
    ...D1_ONLY,
    present: (request) => request.media || wantsMedia(request),
  },
  // `/tokenize` takes none of these, so its prompt would differ from the chat endpoint's.
  { reason: "documents", what: "documents", ...D1_OR_EXACT, present: anyAsked("documents") },
  {
    reason: "reasoning",
    what: "Reasoning effort and budgets",
    ...D1_ONLY,
    present: ({ body }) =>
      ["reasoning_effort", "reasoning", "include_reasoning", "thinking_token_budget"]
        .some((key) => body.has(key)),
  },
  {
    reason: "return_token_ids",
    what: "Token ids in the answer",
    ...BOTH,
    present: wantsTokenIds,
  },
  {
    reason: "return_token_ids",
    what: "Token ids in place of texts, log-probabilities of given ones, or the prompt's text",
    ...D1_ONLY,
    present: (request) =>
      anySet("return_tokens_as_token_ids", "return_prompt_text")(request) ||
      asks(request.body, "logprob_token_ids"),
  },
  {
    reason: "truncate_prompt_tokens",
    what: "truncate_prompt_tokens",
    ...D1_ONLY,
    present: ({ body }) => body.has("truncate_prompt_tokens"),
  },
  {
    reason: "stream_options",
    what: "stream_options without include_usage, of which engines make different things",
    ...D1_ONLY,
    present: ({ includeUsage }) => includeUsage === undefined,
  },
];

/** Settings that count an answer's own tokens: those that are prompt to an engine are passed over. */
const PENALTIES = ["presence_penalty", "frequency_penalty"] as const;

/**
 * Whether another engine can go on with the stream that answers `request`, from its prompt and its
 * tokens so far: what mode P1 carries, but for the prompt's text, and for penalties.
 */
export function isContinuable(request: GenerationRequest): boolean {
  const { stream, body } = request;
  return stream && !isSet(body, "echo") && !PENALTIES.some((key) => asks(body, key)) &&
    FEATURES.every((feature) =>
      feature.p1 || feature.exactP1 === true || !feature.present(request)
    );
}
