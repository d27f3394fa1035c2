/**
 * The one error shape, and what each error code means to a client.
 *
 * Source: OpenAI's API, and vLLM's `ErrorResponse`.
 * @module
 */
import { type ErrorCode, overloadIn, recordOf, type RouterError } from "../base/mod.ts";

/** Body of a failed request, and data of an error event in a stream. */
export interface ErrorBody {
  readonly error: {
    readonly message: string;
    readonly type: string;
    readonly param: string | null;
    readonly code: number | string;
  };
}

/** What each code means as an HTTP status and an OpenAI error type. */
export interface ErrorMeaning {
  readonly status: number;
  readonly type: string;
}

/** The one table of meanings: responses and error events in streams both read it. */
export const ERROR_MEANINGS: Readonly<Record<ErrorCode, ErrorMeaning>> = {
  "bad-request": { status: 400, type: "BadRequestError" },
  "body-too-large": { status: 413, type: "RequestTooLargeError" },
  "unsupported-coding": { status: 415, type: "UnsupportedMediaTypeError" },
  "client-timeout": { status: 408, type: "RequestTimeoutError" },
  "overloaded": { status: 503, type: "ServiceUnavailableError" },
  "unauthorized": { status: 401, type: "AuthenticationError" },
  "forbidden": { status: 403, type: "PermissionDeniedError" },
  "rate-limited": { status: 429, type: "RateLimitError" },
  "not-found": { status: 404, type: "NotFoundError" },
  "method-not-allowed": { status: 405, type: "MethodNotAllowedError" },
  "unknown-model": { status: 404, type: "NotFoundError" },
  "unknown-engine": { status: 404, type: "NotFoundError" },
  "no-engine": { status: 503, type: "ServiceUnavailableError" },
  "key-refused": { status: 502, type: "BadGatewayError" },
  "tokenize-failed": { status: 502, type: "BadGatewayError" },
  "prefill-failed": { status: 502, type: "BadGatewayError" },
  "kv-timeout": { status: 504, type: "GatewayTimeoutError" },
  "decode-failed": { status: 502, type: "BadGatewayError" },
  "upstream-unreachable": { status: 502, type: "BadGatewayError" },
  "upstream-lost": { status: 502, type: "BadGatewayError" },
  "upstream-protocol": { status: 502, type: "BadGatewayError" },
  "upstream-timeout": { status: 504, type: "GatewayTimeoutError" },
  "client-gone": { status: 499, type: "ClientClosedRequest" },
  "shutting-down": { status: 503, type: "ServiceUnavailableError" },
  "internal": { status: 500, type: "InternalServerError" },
};

/** What `error` means to a client: what fails because the router has no room means just that. */
export function meaningOf(error: RouterError): ErrorMeaning {
  return ERROR_MEANINGS[overloadIn(error)?.code ?? error.code];
}

/** The body that tells a client of `error`; `code` is the HTTP status, as in vLLM. */
export function errorBodyOf(error: RouterError): ErrorBody {
  const { status, type } = meaningOf(error);
  return { error: { message: error.message, type, param: error.param ?? null, code: status } };
}

/** The message in an engine's error body of any of the known shapes, or undefined. */
export function errorMessageOf(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  const { error, message, detail } = recordOf(value) ?? {};
  if (error !== undefined) return errorMessageOf(error);
  if (typeof message === "string") return message;
  return typeof detail === "string" ? detail : undefined;
}
