/** The `usage` object and stream options. @module */
import { badRequest } from "./api_error.ts";
import type { UsageCounts } from "./generation.ts";
import { isRecord, type JsonObject } from "./json.ts";
import { boolField } from "./sampling.ts";
import { invalidField } from "./validation.ts";

/** How much `prompt_tokens_details` of a whole answer tells. */
export type UsageDetails =
  /** Nothing: it is null. */
  | "none"
  /** Cached tokens, as completions have it. */
  | "cached"
  /** What was added to the cache, too, as chats have it. */
  | "created";

/**
 * `usage` of a whole answer as JSON text. `reasoning` counts tokens of thought, where the engine
 * has a reasoning parser.
 */
export function usageJson(
  usage: UsageCounts,
  details: UsageDetails,
  reasoning?: number,
): string {
  const { cached, created } = usage;
  const known = details === "none"
    ? "null"
    : `{"cached_tokens":${cached},"created_cache_tokens":${
      details === "created" ? created : "null"
    },"multimodal_tokens":null}`;
  return `${counts(usage)},"prompt_tokens_details":${known}${
    reasoning === undefined ? ',"completion_tokens_details":null' : reasoningJson(reasoning)
  }}`;
}

/** `usage` of the last event of a stream, without what is null. */
export function finalUsageJson(
  usage: UsageCounts,
  details: UsageDetails,
  reasoning?: number,
): string {
  const { cached, created } = usage;
  const more = details === "created" ? `,"created_cache_tokens":${created}` : "";
  const known = details === "none"
    ? ""
    : `,"prompt_tokens_details":{"cached_tokens":${cached}${more}}`;
  return `${counts(usage)}${known}${reasoningJson(reasoning)}}`;
}

/** `usage` within a stream; chats always have a place for `reasoning`. */
export function runningUsageJson(
  prompt: number,
  completion: number,
  reasoning?: number | null,
): string {
  return `${counts({ prompt, completion })}${reasoningJson(reasoning)}}`;
}

/** An object that is left open. */
function counts({ prompt, completion }: Pick<UsageCounts, "prompt" | "completion">): string {
  return `{"prompt_tokens":${prompt},"total_tokens":${prompt + completion},` +
    `"completion_tokens":${completion}`;
}

function reasoningJson(tokens: number | null | undefined): string {
  if (tokens === undefined) return "";
  const details = tokens === null ? "null" : `{"reasoning_tokens":${tokens}}`;
  return `,"completion_tokens_details":${details}`;
}

/** What a stream reports of usage. */
export interface StreamUsage {
  readonly include: boolean;
  readonly continuous: boolean;
}

/** Parse `stream_options`. Throws the 400 of options without a stream. */
export function parseStreamUsage(body: JsonObject, stream: boolean): StreamUsage {
  const options = body["stream_options"];
  if (options === undefined || options === null) return { include: false, continuous: false };
  if (!stream) {
    throw badRequest(
      "Stream options can only be defined when `stream=True`.",
      "stream_options",
    );
  }
  if (!isRecord(options)) {
    const message = "Input should be a valid dictionary or object to extract fields from";
    throw invalidField("model_attributes_type", "stream_options", message, options);
  }
  const include = boolField(options, "include_usage");
  return { include, continuous: include && boolField(options, "continuous_usage_stats") };
}
