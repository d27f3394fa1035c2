/**
 * What engines answer to requests that they do not serve, and what of it is the client's to know.
 * @module
 */
import { decodeUtf8, encodeUtf8, jsonOf, type Refusal, RouterError } from "../base/mod.ts";
import { errorMessageOf, errorTypeOf } from "../openai/mod.ts";
import {
  forwardResponseHeaders,
  type HeaderField,
  type UpstreamResponse,
} from "../upstream/mod.ts";
import { answerHeaders } from "./answer_headers.ts";

/** Largest error body read from an engine, in bytes. */
const MAX_ERROR_BYTES = 1024 * 1024;

/** What an engine says in place of an answer. */
export interface EngineError {
  readonly body: Uint8Array;
  /** What the body says in words. */
  readonly message: string;
  /** Whether it comes from something between the router and its engine. */
  readonly page: boolean;
  /** Set where the client is to know it as it is: the request is refused, or the engine has no room. */
  readonly refusal: Refusal | undefined;
}

/** Whether an engine with this status has no room at the moment: another one may have. */
export function isOverload(status: number): boolean {
  return status === 429 || status === 503;
}

/** Whether a status is for the client: it must change the request, or come back. */
function isForClient(status: number): boolean {
  return (status >= 400 && status < 500) || isOverload(status);
}

/** The rest of an error answer, and what it says. Rejects as reading it does. */
export async function readError(response: UpstreamResponse): Promise<EngineError> {
  const { status, headers } = response;
  const body = await response.readAll(MAX_ERROR_BYTES);
  const page = isPage(response, body);
  const message = page ? "a page in HTML, which no engine writes" : wordsOf(status, body);
  if (!isForClient(status)) return { body, message, page, refusal: undefined };
  const refusal = page
    ? ownRefusal(status, headers)
    : { status, headers: forwardResponseHeaders(headers), body };
  return { body, message, page, refusal };
}

/** What a body says in words; of a redirection, nothing but an error in JSON, as it tells places. */
function wordsOf(status: number, body: Uint8Array): string {
  const text = decodeUtf8(body);
  const said = status >= 300 && status < 400 ? "" : text.slice(0, 300);
  return errorMessageOf(jsonOf(text)) ?? (said || (text === "" ? "(empty body)" : "no answer"));
}

/** Whether an error comes from something between the router and its engine. */
function isPage(response: UpstreamResponse, body: Uint8Array): boolean {
  const type = response.header("content-type") ?? "";
  return type.toLowerCase().includes("html") ||
    /^\s*<(?:!doctype|html)/i.test(decodeUtf8(body.subarray(0, 256)));
}

/** Fields of a page's answer that tell where things are. */
const ADDRESSES = new Set(["location", "content-location", "refresh", "link"]);

/** A refusal with the status and the fields of a page, in words of the router's own. */
function ownRefusal(status: number, headers: readonly HeaderField[]): Refusal {
  const message = isOverload(status)
    ? "The engines have no room for this request at the moment"
    : `The request was refused on its way to an engine, with status ${status}`;
  const error = { message, type: errorTypeOf(status), param: null, code: status };
  const kept = headers.filter(([name]) => !ADDRESSES.has(name.toLowerCase()));
  return {
    status,
    headers: answerHeaders("application/json", kept),
    body: encodeUtf8(JSON.stringify({ error })),
  };
}

/** A refusal of an engine's as the error that ends a leg. `what` names the leg and the engine. */
export function refusedError(
  code: "prefill-failed" | "decode-failed" | "tokenize-failed",
  what: string,
  refusal: Refusal,
): RouterError {
  return new RouterError(
    code,
    `${what} answered ${refusal.status}: ${wordsOf(refusal.status, refusal.body)}`,
    {
      refusal,
    },
  );
}
