/** The `usage` object and stream options. @module */
import { badRequest } from "./api_error.ts";
import type { UsageCounts } from "./generation.ts";
import { isRecord, type JsonObject } from "./json.ts";
import { boolField } from "./sampling.ts";

/** `usage` as JSON text. */
export function usageJson(usage: UsageCounts, details: boolean): string {
  const { prompt, completion, cached } = usage;
  return `{"prompt_tokens":${prompt},"total_tokens":${prompt + completion},` +
    `"completion_tokens":${completion},"prompt_tokens_details":${
      details ? `{"cached_tokens":${cached}}` : "null"
    }}`;
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
    throw badRequest("stream_options: Input should be a valid dictionary", "stream_options");
  }
  return {
    include: boolField(options, "include_usage", true),
    continuous: boolField(options, "continuous_usage_stats"),
  };
}
