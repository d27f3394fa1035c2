/** Sampling parameters of a request, checked as vLLM's `SamplingParams` checks them. @module */
import { badRequest } from "./api_error.ts";
import { isIdList, isInteger, isRecord, type JsonObject } from "./json.ts";

/** What one generation is asked for. */
export interface Sampling {
  readonly n: number;
  /** Undefined: as many as the model's length allows. */
  readonly maxTokens: number | undefined;
  readonly minTokens: number;
  readonly stop: readonly string[];
  readonly stopTokenIds: ReadonlySet<number>;
  readonly includeStop: boolean;
  readonly ignoreEos: boolean;
  readonly skipSpecial: boolean;
  /** Number of alternatives per token; undefined for no log-probabilities. */
  readonly logprobs: number | undefined;
  readonly returnTokenIds: boolean;
  readonly tokensAsIds: boolean;
}

/** A number field, or undefined when absent or null. Throws a 400 on another type. */
export function numberField(body: JsonObject, key: string): number | undefined {
  const value = body[key];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "number") {
    throw badRequest(`${key}: Input should be a valid number, got ${JSON.stringify(value)}`, key);
  }
  return value;
}

/** An integer field, or undefined when absent or null. Throws a 400 on another type. */
export function intField(body: JsonObject, key: string): number | undefined {
  const value = body[key];
  if (value === undefined || value === null) return undefined;
  if (!isInteger(value)) {
    throw badRequest(`${key}: Input should be a valid integer, got ${JSON.stringify(value)}`, key);
  }
  return value;
}

/** A boolean field with a default. Throws a 400 on another type. */
export function boolField(body: JsonObject, key: string, fallback = false): boolean {
  const value = body[key];
  if (value === undefined || value === null) return fallback;
  if (typeof value !== "boolean") {
    throw badRequest(`${key}: Input should be a valid boolean, got ${JSON.stringify(value)}`, key);
  }
  return value;
}

/** A string field, or undefined when absent or null. Throws a 400 on another type. */
export function stringField(body: JsonObject, key: string): string | undefined {
  const value = body[key];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "string") {
    throw badRequest(`${key}: Input should be a valid string, got ${JSON.stringify(value)}`, key);
  }
  return value;
}

/** An object field, or undefined when absent or null. Throws a 400 on another type. */
export function objectField(body: JsonObject, key: string): JsonObject | undefined {
  const value = body[key];
  if (value === undefined || value === null) return undefined;
  if (!isRecord(value)) {
    throw badRequest(`${key}: Input should be a valid dictionary`, key);
  }
  return value;
}

/** Parameters that are the caller's to find, as completions and chat name them differently. */
export interface SamplingGiven {
  readonly maxTokens: number | undefined;
  readonly maxTokensParam: string;
  readonly logprobs: number | undefined;
}

/** Parse and check. Source of the wording: vLLM `vllm/sampling_params.py` `_verify_args`. */
export function parseSampling(body: JsonObject, given: SamplingGiven): Sampling {
  const { maxTokens, maxTokensParam } = given;
  const n = intField(body, "n") ?? 1;
  if (n < 1) throw badRequest(`n must be at least 1, got ${n}.`, "n");
  if (n > 128) throw badRequest(`n must be at most 128, got ${n}.`, "n");
  if (maxTokens !== undefined && maxTokens < 1) {
    throw badRequest(`max_tokens must be at least 1, got ${maxTokens}.`, maxTokensParam);
  }
  const minTokens = intField(body, "min_tokens") ?? 0;
  if (minTokens < 0) {
    throw badRequest(`min_tokens must be greater than or equal to 0, got ${minTokens}.`);
  }
  if (maxTokens !== undefined && minTokens > maxTokens) {
    throw badRequest(
      `min_tokens must be less than or equal to max_tokens=${maxTokens}, got ${minTokens}.`,
      "min_tokens",
    );
  }
  checkRange(body, "temperature", 0, Infinity);
  checkRange(body, "top_p", 0, 1);
  checkRange(body, "presence_penalty", -2, 2);
  checkRange(body, "frequency_penalty", -2, 2);
  intField(body, "seed");
  return {
    n,
    maxTokens,
    minTokens,
    stop: parseStop(body["stop"]),
    stopTokenIds: parseStopIds(body["stop_token_ids"]),
    includeStop: boolField(body, "include_stop_str_in_output"),
    ignoreEos: boolField(body, "ignore_eos"),
    skipSpecial: boolField(body, "skip_special_tokens", true),
    logprobs: given.logprobs,
    returnTokenIds: boolField(body, "return_token_ids"),
    tokensAsIds: boolField(body, "return_tokens_as_token_ids"),
  };
}

function checkRange(body: JsonObject, key: string, low: number, high: number): void {
  const value = numberField(body, key);
  if (value === undefined || (value >= low && value <= high)) return;
  throw badRequest(`${key} must be in [${low}, ${high}], got ${value}.`, key);
}

function parseStop(value: unknown): readonly string[] {
  if (value === undefined || value === null) return [];
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  return list.map((stop) => {
    if (typeof stop !== "string") throw badRequest("stop: Input should be a valid string", "stop");
    if (stop === "") throw badRequest("stop cannot contain an empty string.", "stop");
    return stop;
  });
}

function parseStopIds(value: unknown): ReadonlySet<number> {
  if (value === undefined || value === null) return new Set();
  if (!isIdList(value)) {
    throw badRequest("stop_token_ids must contain only integers.", "stop_token_ids");
  }
  return new Set(value);
}
