/** How each endpoint's clients are told of errors. @module */
import { decodeUtf8, jsonOf, recordOf, type RouterError } from "../base/mod.ts";
import {
  anthropicErrorEventOf,
  anthropicErrorOf,
  type ErrorBody,
  errorBodyOf,
  errorMessageOf,
  shallowMembers,
} from "../openai/mod.ts";
import type { Answer } from "../request/mod.ts";
import { jsonEvent } from "../sse/mod.ts";
import { withCauses } from "./causes.ts";

/** Whom errors are told to. */
export interface Telling {
  /** The request's path, which decides on the shape; empty for none that is known. */
  readonly path: string;
  /** The client's own. */
  readonly requestId: string;
  /** An error in words that the client may see. */
  readonly told: (error: RouterError) => RouterError;
}

type ToldError = ErrorBody["error"];

/** How errors are told at an endpoint. */
interface Dialect {
  readonly body: (error: ToldError, requestId: string) => unknown;
  readonly event: (error: ToldError, requestId: string) => Uint8Array;
}

const OPENAI: Dialect = {
  body: (error) => ({ error }),
  event: (error) => jsonEvent({ error }),
};

/** Its streams name their events. */
const RESPONSES: Dialect = {
  body: OPENAI.body,
  event: (error) => jsonEvent({ type: "error", error }, "error"),
};

const ANTHROPIC: Dialect = {
  body: anthropicErrorOf,
  event: (error, requestId) => jsonEvent(anthropicErrorEventOf(error, requestId), "error"),
};

/** Whether `path` is of Anthropic's API. */
export function isAnthropic(path: string): boolean {
  return path === "/v1/messages" || path.startsWith("/v1/messages/");
}

function dialectOf(path: string): Dialect {
  if (isAnthropic(path)) return ANTHROPIC;
  return path === "/v1/responses" ? RESPONSES : OPENAI;
}

/** The JSON body of an answer that is `error`. */
export function errorBodyFor({ path, requestId, told }: Telling, error: RouterError): unknown {
  return dialectOf(path).body(errorBodyOf(told(withCauses(error))).error, requestId);
}

/** The event that is `error`, in a stream. */
export function errorEventFor({ path, requestId, told }: Telling, error: RouterError): Uint8Array {
  return dialectOf(path).event(errorBodyOf(told(withCauses(error))).error, requestId);
}

/** The event that says what `answer`, an error that is complete, would have said; with its status. */
export function answerEventFor(
  { path, requestId }: Telling,
  { status, body }: { readonly status: number; readonly body: Uint8Array },
): Uint8Array {
  return dialectOf(path).event(toldBy(status, body), requestId);
}

/** Longest part of a body that is no error as engines tell them, in characters. */
const MAX_TEXT = 300;

/** What an error body says, of whatever shape it is. */
function toldBy(status: number, body: Uint8Array): ToldError {
  const value = jsonOf(body);
  const { error } = recordOf(value) ?? {};
  const { message: _message, code: _code, type, param, ...more } = recordOf(error) ?? {};
  const text = decodeUtf8(body).slice(0, MAX_TEXT);
  return {
    message: errorMessageOf(value) ?? (text || `The request was answered with status ${status}`),
    type: typeof type === "string" ? type : status < 500 ? "BadRequestError" : "BadGatewayError",
    param: typeof param === "string" ? param : null,
    code: status,
    ...shallowMembers(more),
  };
}

/** The fields that tell a request's id, where clients look for it. */
export function idFields(path: string, requestId: string): Answer["headers"] {
  const field = ["x-request-id", requestId] as const;
  return isAnthropic(path) ? [field, ["request-id", requestId]] : [field];
}
