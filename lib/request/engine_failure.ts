/**
 * Failures that an engine tells inside an answer whose status is 200.
 *
 * vLLM ends a request whose KV could not be loaded (`kv_load_failure_policy: fail`) in this way:
 * with `finish_reason: "error"`, or with an error event, in chats behind the chunks that tell the
 * role. Source: vLLM `vllm/entrypoints/openai/completion/serving.py`, `chat_completion/serving.py`.
 * @module
 */
import { concatBytes, decodeUtf8, jsonOf, recordOf } from "../base/mod.ts";
import { errorMessageOf } from "../openai/mod.ts";
import { DATA_FIELD } from "../sse/mod.ts";
import type { UpstreamResponse } from "../upstream/mod.ts";
import { isEventStream } from "./answer.ts";
import { MAX_JSON_BYTES } from "./exchange.ts";

/** The beginning of an answer: all of it when it is not streamed. */
export interface Beginning {
  /** Undefined for an empty body. */
  readonly bytes: Uint8Array | undefined;
  /** What the engine says has failed, if it says so. */
  readonly failure: string | undefined;
}

/** Enough of a stream to hold its first events, in bytes; beyond it, what has come is passed on. */
const MAX_BEGINNING = 256 * 1024;

/** Events of `/v1/messages` and `/v1/responses` that say nothing of what was generated. */
const OPENINGS: ReadonlySet<unknown> = new Set([
  "message_start",
  "response.created",
  "response.in_progress",
]);

/**
 * Read the beginning of an answer: when it is streamed, up to the end of the first event that
 * tells of generated tokens or of a failure. Rejects as reading the response does.
 */
export async function readBeginning(response: UpstreamResponse): Promise<Beginning> {
  if (!isEventStream(response)) {
    const bytes = await response.readAll(MAX_JSON_BYTES);
    return bytes.length === 0 ? { bytes: undefined, failure: undefined } : {
      bytes,
      failure: failureIn(decodeUtf8(bytes)),
    };
  }
  let bytes: Uint8Array | undefined;
  for (;;) {
    const more = await response.read();
    if (more === undefined) break;
    bytes = bytes === undefined ? more.slice() : concatBytes([bytes, more]);
    if (bytes.length > MAX_BEGINNING || hasBegun(decodeUtf8(bytes))) break;
  }
  if (bytes === undefined) return { bytes, failure: undefined };
  return { bytes, failure: failureInEvents(decodeUtf8(bytes)) };
}

/** Whether `text` holds a whole event that is more than an opening. */
function hasBegun(text: string): boolean {
  return text.split(/\r?\n\r?\n/).slice(0, -1).some((event) => !isOpening(event));
}

/** Whether an event only opens a stream: vLLM sends it together with what comes first. */
function isOpening(event: string): boolean {
  const data = event.split(/\r?\n/).filter((line) => line.startsWith(DATA_FIELD))
    .map((line) => line.slice(DATA_FIELD.length)).join("\n");
  const value = data === "" ? undefined : recordOf(jsonOf(data));
  if (value === undefined) return false;
  const { choices, type } = value;
  if (!Array.isArray(choices)) return OPENINGS.has(type);
  return choices.length > 0 && choices.every(tellsRoleAlone);
}

/** Whether a chat chunk's choice is `{"delta":{"role":"assistant","content":""}}` and no more. */
function tellsRoleAlone(choice: unknown): boolean {
  const { delta, finish_reason: finish } = recordOf(choice) ?? {};
  const { role, ...said } = recordOf(delta) ?? {};
  if (role === undefined) return false;
  return (finish ?? null) === null &&
    Object.values(said).every((value) => value === "" || value === null);
}

function failureInEvents(text: string): string | undefined {
  for (const line of text.split(/\r?\n/)) {
    const failure = line.startsWith(`${DATA_FIELD}{`)
      ? failureIn(line.slice(DATA_FIELD.length))
      : undefined;
    if (failure !== undefined) return failure;
  }
  return undefined;
}

/** What one event's data says has failed. */
export function failureInData(data: Uint8Array): string | undefined {
  return failureIn(decodeUtf8(data));
}

/** What `text`, an answer or one event's data, says has failed. */
function failureIn(text: string): string | undefined {
  // Nearly all answers name no failure: they are spared the parsing.
  if (!text.includes('"error"') && !text.includes('"failed"')) return undefined;
  const value = recordOf(jsonOf(text));
  if (value === undefined) return undefined;
  const { error, choices, status, response } = value;
  if (error !== undefined && error !== null) {
    return errorMessageOf(error) ?? JSON.stringify(error);
  }
  const failed = Array.isArray(choices) &&
    choices.some((choice) =>
      (choice as { readonly finish_reason?: unknown } | null)?.finish_reason === "error"
    );
  if (failed) return "finish_reason 'error'";
  const inner = (response as { readonly status?: unknown } | null | undefined)?.status;
  return status === "failed" || inner === "failed" ? "status 'failed'" : undefined;
}
