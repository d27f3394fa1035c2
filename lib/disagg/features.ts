/** What a request may ask for that a handoff cannot carry faithfully, as one table. @module */
import type { FirstToken } from "../base/mod.ts";
import { fieldOf, type JsonObject } from "../openai/mod.ts";
import { type GenerationRequest, hasMediaParts } from "./generation.ts";

/** Why a request is answered by one engine: a closed list, fit for a metric label. */
export type DirectReason =
  | "n"
  | "beam_search"
  | "echo"
  | "suffix"
  | "prompt_logprobs"
  | "logprobs"
  | "prompt_embeds"
  | "several_prompts"
  | "tools"
  | "structured_output"
  | "multimodal"
  | "documents"
  | "reasoning"
  | "return_token_ids"
  | "truncate_prompt_tokens"
  | "malformed"
  | "context_length"
  | "stop_may_span"
  | "tokenize_refused"
  | "detokenize_unavailable"
  | "decode_refused"
  | "no_prefill_engine"
  | "no_nixl_receiver";

/** One row: how a feature is recognised, and which modes carry it. */
export interface Feature {
  readonly reason: DirectReason;
  /** Mode D1 repeats the original request on both engines, so it carries more than P1. */
  readonly inD1: boolean;
  readonly present: (request: GenerationRequest) => boolean;
}

/** Whether a field asks for something: absent, null, false, 0, "", [] and {} do not. */
function asks(body: JsonObject, key: string): boolean {
  if (!body.has(key)) return false;
  const value = fieldOf(body, key);
  if (Array.isArray(value)) return value.length > 0;
  if (typeof value === "object" && value !== null) return Object.keys(value).length > 0;
  return Boolean(value);
}

function anyAsked(...keys: readonly string[]): Feature["present"] {
  return ({ body }) => keys.some((key) => asks(body, key));
}

function moreThanOne(key: string): (body: JsonObject) => boolean {
  return (body) => body.has(key) && fieldOf(body, key) !== 1;
}

const severalSamples = [moreThanOne("n"), moreThanOne("best_of")];

function wantsStructure({ body }: GenerationRequest): boolean {
  const format = fieldOf(body, "response_format");
  if (format !== undefined) {
    const { type } = (format ?? {}) as { readonly type?: unknown };
    if (type !== "text") return true;
  }
  return [
    "structured_outputs",
    "guided_json",
    "guided_regex",
    "guided_choice",
    "guided_grammar",
    "structural_tag",
  ].some((key) => asks(body, key));
}

function forcesTool({ body }: GenerationRequest): boolean {
  const choice = fieldOf(body, "tool_choice");
  return choice !== undefined && choice !== "auto" && choice !== "none";
}

/** The rows in order of precedence: the first that applies gives the reason. */
export const FEATURES: readonly Feature[] = [
  { reason: "malformed", inD1: false, present: (request) => request.malformed },
  {
    reason: "malformed",
    inD1: false,
    present: ({ prompt }) => prompt.kind === "unusable",
  },
  {
    reason: "n",
    inD1: false,
    present: ({ body }) => severalSamples.some((test) => test(body)),
  },
  { reason: "beam_search", inD1: false, present: anyAsked("use_beam_search") },
  { reason: "echo", inD1: false, present: anyAsked("echo") },
  { reason: "suffix", inD1: false, present: anyAsked("suffix") },
  {
    reason: "prompt_logprobs",
    inD1: false,
    present: ({ body }) => body.has("prompt_logprobs"),
  },
  { reason: "prompt_embeds", inD1: false, present: anyAsked("prompt_embeds") },
  {
    reason: "several_prompts",
    inD1: false,
    present: ({ prompt }) => prompt.kind === "several",
  },
  // A forced tool call needs more than the prefill leg's one token: engines answer 500.
  { reason: "tools", inD1: false, present: forcesTool },
  { reason: "tools", inD1: true, present: anyAsked("tools", "functions", "function_call") },
  { reason: "structured_output", inD1: true, present: wantsStructure },
  {
    reason: "logprobs",
    inD1: true,
    present: ({ form, body }) =>
      form === "chat"
        ? asks(body, "logprobs") || asks(body, "top_logprobs")
        : body.has("logprobs") && fieldOf(body, "logprobs") !== false,
  },
  { reason: "multimodal", inD1: true, present: anyAsked("modalities", "audio") },
  {
    reason: "multimodal",
    inD1: true,
    present: ({ form, body }) => form === "chat" && hasMediaParts(body),
  },
  // `/tokenize` takes none of these, so its prompt would differ from the chat endpoint's.
  { reason: "documents", inD1: true, present: anyAsked("documents") },
  {
    reason: "reasoning",
    inD1: true,
    present: ({ body }) =>
      ["reasoning_effort", "reasoning", "include_reasoning", "thinking_token_budget"]
        .some((key) => body.has(key)),
  },
  {
    reason: "return_token_ids",
    inD1: true,
    present: anyAsked("return_token_ids", "return_tokens_as_token_ids", "logprob_token_ids"),
  },
  {
    reason: "truncate_prompt_tokens",
    inD1: true,
    present: ({ body }) => body.has("truncate_prompt_tokens"),
  },
];

/** Why `request` cannot be handed off in `mode`; undefined when it can. */
export function obstacle(request: GenerationRequest, mode: FirstToken): DirectReason | undefined {
  return FEATURES.find((feature) =>
    !(mode === "decode" && feature.inD1) && feature.present(request)
  )?.reason;
}
