/** The lines of output and error files, as OpenAI's API has them. @module */
import {
  byteLength,
  type ByteParts,
  COPY_STEP_BYTES,
  CR,
  decodeUtf8,
  encodeUtf8,
  LF,
  type Sliced,
  SPACE,
} from "../base/mod.ts";
import { JsonScanError, scanningObject } from "../openai/mod.ts";

/** A line of one of the two files. */
export interface ResultLine {
  readonly line: number;
  /** Whether it goes to the output file. */
  readonly ok: boolean;
  /** With the line feed at its end. */
  readonly bytes: ByteParts;
  readonly size: number;
}

/** Whose result it is, and its own id. */
export interface ResultHead {
  readonly line: number;
  readonly customId: string;
  readonly id: string;
}

/** What was answered. */
export interface AnsweredWith {
  readonly status: number;
  readonly requestId: string;
  readonly body: Uint8Array;
}

/** Why a request has no answer, for programs. */
export type NoAnswerCode = "batch_expired" | "batch_cancelled" | "invalid_response";

/** Longest part of an error answer that is no JSON, in bytes. */
const MAX_TEXT_BYTES = 16 * 1024;

/** The line of an answer: what is no JSON object, is none. The body is changed in place. */
export function* answeredLine(
  head: ResultHead,
  { status, requestId, body }: AnsweredWith,
): Sliced<ResultLine> {
  const json = yield* isObject(body);
  if (!json && status < 400) {
    return unansweredLine(head, "invalid_response", "The answer is not a JSON object");
  }
  if (json) yield* intoOneLine(body);
  const before = `{"id":${JSON.stringify(head.id)},"custom_id":${JSON.stringify(head.customId)},` +
    `"response":{"status_code":${status},"request_id":${JSON.stringify(requestId)},"body":`;
  const text = json
    ? body
    : encodeUtf8(JSON.stringify(decodeUtf8(body.subarray(0, MAX_TEXT_BYTES))));
  const parts = [encodeUtf8(before), text, encodeUtf8(`},"error":null}\n`)];
  return { line: head.line, ok: status < 400, bytes: parts, size: byteLength(parts) };
}

/** The line of a request that has no answer. */
export function unansweredLine(
  { line, customId, id }: ResultHead,
  code: NoAnswerCode,
  message: string,
): ResultLine {
  const value = { id, custom_id: customId, response: null, error: { code, message } };
  const bytes = encodeUtf8(`${JSON.stringify(value)}\n`);
  return { line, ok: false, bytes: [bytes], size: bytes.length };
}

function* isObject(body: Uint8Array): Sliced<boolean> {
  try {
    // As engines written in Python may write it.
    yield* scanningObject(body, { python: true });
    return true;
  } catch (error) {
    if (error instanceof JsonScanError) return false;
    throw error;
  }
}

/** Between the values of JSON a line feed is a space; within a string there is none. */
function* intoOneLine(body: Uint8Array): Sliced<void> {
  for (let from = 0; from < body.length; from += COPY_STEP_BYTES) {
    if (from > 0) yield;
    const step = body.subarray(from, from + COPY_STEP_BYTES);
    for (const end of [LF, CR]) {
      for (let at = step.indexOf(end); at >= 0; at = step.indexOf(end, at + 1)) step[at] = SPACE;
    }
  }
}
