/**
 * What an engine tells inside an answer whose status is 200: that it has failed, or that it refuses.
 *
 * vLLM ends a request whose KV could not be loaded (`kv_load_failure_policy: fail`) in this way:
 * with `finish_reason: "error"`, or with an error event, in chats behind the chunks that tell the
 * role. It refuses some streams so, too, with an error event whose `code` is the status.
 * Source: vLLM `vllm/entrypoints/openai/completion/serving.py`, `chat_completion/serving.py`.
 * @module
 */
import { decodeUtf8, jsonOf, recordOf, type Refusal } from "../base/mod.ts";
import { errorMessageOf, SMALL_JSON_BYTES } from "../openai/mod.ts";

/** What an answer or an event says in place of what was asked for. */
export interface Told {
  readonly message: string;
  /** Set where the client is to know it as it is: the request is refused, or there is no room. */
  readonly refusal: Refusal | undefined;
}

/** Whether `told` says that the request is refused: no fault of the engine's. */
export function isRefused(told: Told): told is Told & { readonly refusal: Refusal } {
  return told.refusal !== undefined && told.refusal.status < 500;
}

/** What one event's data tells; undefined for nothing of the kind. No engine's error is large. */
export function toldInData(data: Uint8Array): Told | undefined {
  if (data.length > SMALL_JSON_BYTES) return undefined;
  const text = decodeUtf8(data);
  // Nearly all events tell none: they are spared the parsing.
  return mayTell(text) ? toldIn(jsonOf(text), data) : undefined;
}

/** Whether `text`, an answer or one event's data, may tell of a failure. */
export function mayTell(text: string): boolean {
  return text.includes('"error"') || text.includes('"failed"');
}

/** What `json`, which is `data` parsed, tells. */
export function toldIn(json: unknown, data: Uint8Array): Told | undefined {
  const value = recordOf(json);
  if (value === undefined) return undefined;
  const { error, choices, status, response } = value;
  if (error !== undefined && error !== null) return errorTold(error, data);
  const failed = Array.isArray(choices) &&
    choices.some((choice) => recordOf(choice)?.["finish_reason"] === "error");
  if (failed) return { message: "finish_reason 'error'", refusal: undefined };
  const inner = recordOf(response)?.["status"];
  if (status !== "failed" && inner !== "failed") return undefined;
  return { message: "status 'failed'", refusal: undefined };
}

function errorTold(error: unknown, data: Uint8Array): Told {
  const message = errorMessageOf(error) ?? JSON.stringify(error);
  const status = statusOf(error);
  if (status === undefined) return { message, refusal: undefined };
  const headers = [["content-type", "application/json"]] as const;
  // A copy: the data is a view of a buffer that is filled again.
  return { message, refusal: { status, headers, body: data.slice() } };
}

/** What Anthropic's API calls its statuses by. */
const ANTHROPIC_TYPES: ReadonlyMap<unknown, number> = new Map([
  ["invalid_request_error", 400],
  ["authentication_error", 401],
  ["permission_error", 403],
  ["not_found_error", 404],
  ["request_too_large", 413],
  ["rate_limit_error", 429],
]);

/** The status that an error names, where a client is to know it: 4xx, or 503. */
export function statusOf(error: unknown): number | undefined {
  const { code, type } = recordOf(error) ?? {};
  const status = typeof code === "number" ? code : Number(code ?? NaN);
  if (Number.isInteger(status) && ((status >= 400 && status < 500) || status === 503)) {
    return status;
  }
  return code === undefined ? ANTHROPIC_TYPES.get(type) : undefined;
}
