/** Sampling parameters of a request, checked as vLLM's `SamplingParams` checks them. @module */
import { type ApiError, badRequest } from "./api_error.ts";
import { isIdList, isInteger, isRecord, type JsonObject } from "./json.ts";
import { invalidBody, invalidField } from "./validation.ts";
import { VOCAB_SIZE } from "./vocabulary.ts";

/** Most answers to one prompt (`VLLM_MAX_N_SEQUENCES`). */
const MAX_SAMPLES = 16_384;

/** From here on a bias counts as leaving no choice. */
const STRONG_BIAS = 50;

/** What one generation is asked for. */
export interface Sampling {
  readonly n: number;
  /** Undefined: as many as the model's length allows. */
  readonly maxTokens: number | undefined;
  /** The field that says so. */
  readonly maxTokensParam: string;
  readonly minTokens: number;
  readonly stop: readonly string[];
  readonly stopTokenIds: ReadonlySet<number>;
  /** The only token that may come, wherever no grammar says otherwise. */
  readonly forcedId: number | undefined;
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
  if (typeof value === "number") return value;
  if (typeof value === "boolean") return Number(value);
  const message = "Input should be a valid number";
  if (typeof value !== "string") throw invalidField("float_type", key, message, value);
  if (value.trim() !== "" && Number.isFinite(Number(value))) return Number(value);
  throw invalidField("float_parsing", key, `${message}, unable to parse string as a number`, value);
}

/** An integer field, or undefined when absent or null. Throws a 400 on another type. */
export function intField(body: JsonObject, key: string): number | undefined {
  const value = body[key];
  if (value === undefined || value === null) return undefined;
  if (isInteger(value)) return value;
  if (typeof value === "boolean") return Number(value);
  const message = "Input should be a valid integer";
  if (typeof value === "number") {
    const problem = `${message}, got a number with a fractional part`;
    throw invalidField("int_from_float", key, problem, value);
  }
  if (typeof value !== "string") throw invalidField("int_type", key, message, value);
  if (/^[+-]?\d+$/.test(value.trim())) return Number(value);
  throw invalidField("int_parsing", key, `${message}, unable to parse string as an integer`, value);
}

/** Texts that pydantic reads as booleans. */
const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ...["true", "1", "yes", "on", "t", "y"].map((text) => [text, true] as const),
  ...["false", "0", "no", "off", "f", "n"].map((text) => [text, false] as const),
]);

/** A boolean field with a default. Throws a 400 on another type. */
export function boolField(body: JsonObject, key: string, fallback = false): boolean {
  const value = body[key];
  if (value === undefined || value === null) return fallback;
  if (typeof value === "boolean") return value;
  const message = "Input should be a valid boolean";
  if (typeof value !== "string" && typeof value !== "number") {
    throw invalidField("bool_type", key, message, value);
  }
  const known = BOOLEANS.get(String(value).toLowerCase());
  if (known !== undefined) return known;
  throw invalidField("bool_parsing", key, `${message}, unable to interpret input`, value);
}

/** A string field, or undefined when absent or null. Throws a 400 on another type. */
export function stringField(body: JsonObject, key: string): string | undefined {
  const value = body[key];
  if (value === undefined || value === null) return undefined;
  if (typeof value === "string") return value;
  throw invalidField("string_type", key, "Input should be a valid string", value);
}

/** An object field, or undefined when absent or null. Throws a 400 on another type. */
export function objectField(body: JsonObject, key: string): JsonObject | undefined {
  const value = body[key];
  if (value === undefined || value === null) return undefined;
  if (isRecord(value)) return value;
  throw invalidField("dict_type", key, "Input should be a valid dictionary", value);
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
  if (n < 1) throw badRequest(`n must be at least 1, got ${n}.`);
  if (n > MAX_SAMPLES) {
    throw badRequest(
      `n must be at most ${MAX_SAMPLES}, got ${n}. To increase this limit, set the ` +
        "VLLM_MAX_N_SEQUENCES environment variable.",
    );
  }
  if (maxTokens !== undefined && maxTokens < 1) throw tooFewTokens(maxTokens);
  const minTokens = intField(body, "min_tokens") ?? 0;
  if (minTokens < 0) {
    throw badRequest(`min_tokens must be greater than or equal to 0, got ${minTokens}.`);
  }
  if (maxTokens !== undefined && minTokens > maxTokens) {
    throw badRequest(
      `min_tokens must be less than or equal to max_tokens=${maxTokens}, got ${minTokens}.`,
    );
  }
  checkRanges(body);
  intField(body, "seed");
  objectField(body, "kv_transfer_params");
  if (body["cache_salt"] === "") {
    const problem = "Parameter 'cache_salt' must be a non-empty string if provided.";
    throw badRequest(problem, "cache_salt");
  }
  return {
    n,
    maxTokens,
    maxTokensParam,
    minTokens,
    stop: parseStop(body["stop"]),
    stopTokenIds: parseStopIds(body["stop_token_ids"]),
    forcedId: forcedIdOf(body),
    includeStop: boolField(body, "include_stop_str_in_output"),
    ignoreEos: boolField(body, "ignore_eos"),
    skipSpecial: boolField(body, "skip_special_tokens", true),
    logprobs: given.logprobs,
    returnTokenIds: boolField(body, "return_token_ids"),
    tokensAsIds: boolField(body, "return_tokens_as_token_ids"),
  };
}

/** The 400 of a limit that leaves no token. */
export function tooFewTokens(maxTokens: number): ApiError {
  return badRequest(`max_tokens must be at least 1, got ${maxTokens}.`, "max_tokens", maxTokens);
}

function checkRanges(body: JsonObject): void {
  const temperature = numberField(body, "temperature");
  if (temperature !== undefined && temperature < 0) {
    const value = asFloat(temperature);
    const problem = `temperature must be non-negative, got ${value}.`;
    throw badRequest(problem, "temperature", value);
  }
  const topP = numberField(body, "top_p");
  if (topP !== undefined && (topP <= 0 || topP > 1)) {
    const value = asFloat(topP);
    throw badRequest(`top_p must be in (0, 1], got ${value}.`, "top_p", value);
  }
  for (const key of ["presence_penalty", "frequency_penalty"]) {
    const penalty = numberField(body, key);
    if (penalty !== undefined && Math.abs(penalty) > 2) {
      throw badRequest(`${key} must be in [-2, 2], got ${asFloat(penalty)}.`);
    }
  }
}

/** A number as Python writes a float. */
function asFloat(value: number): string {
  return Number.isInteger(value) ? `${value}.0` : String(value);
}

/** The one token that `allowed_token_ids` leaves, or that `logit_bias` puts above all others. */
function forcedIdOf(body: JsonObject): number | undefined {
  const allowed = body["allowed_token_ids"];
  if (isIdList(allowed) && allowed.length > 0) return allowed[0];
  const bias = Object.entries(objectField(body, "logit_bias") ?? {});
  const unknown = bias.map(([id]) => Number(id)).filter((id) => !(id >= 0 && id < VOCAB_SIZE));
  if (unknown.length > 0) {
    throw badRequest(
      `token_id(s) [${unknown.join(", ")}] in logit_bias contain out-of-vocab token ids. ` +
        `Vocabulary size: ${VOCAB_SIZE}`,
      "logit_bias",
      `[${unknown.join(", ")}]`,
    );
  }
  const [strongest] = bias.toSorted(([, left], [, right]) => Number(right) - Number(left));
  return strongest !== undefined && Number(strongest[1]) >= STRONG_BIAS
    ? Number(strongest[0])
    : undefined;
}

function parseStop(value: unknown): readonly string[] {
  if (value === undefined || value === null) return [];
  if (typeof value !== "string" && !Array.isArray(value)) {
    throw invalidBody([
      { type: "string_type", at: "stop", message: "Input should be a valid string", input: value },
      { type: "list_type", at: "stop", message: "Input should be a valid list", input: value },
    ]);
  }
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  return list.map((stop, index) => {
    if (typeof stop !== "string") {
      const message = "Input should be a valid string";
      throw invalidField("string_type", `stop.${index}`, message, stop);
    }
    if (stop === "") throw badRequest("stop cannot contain an empty string.");
    return stop;
  });
}

function parseStopIds(value: unknown): ReadonlySet<number> {
  if (value === undefined || value === null) return new Set();
  if (!Array.isArray(value)) {
    throw invalidField("list_type", "stop_token_ids", "Input should be a valid list", value);
  }
  const ids: readonly unknown[] = value;
  return new Set(ids.map((id, index) => {
    const name = `stop_token_ids.${index}`;
    return intField({ [name]: id }, name) ?? 0;
  }));
}
