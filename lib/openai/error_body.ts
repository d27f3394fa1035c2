/**
 * The one error shape, and what each error code means to a client.
 *
 * Source: OpenAI's API, and vLLM's `ErrorResponse`.
 * @module
 */
import {
  type ErrorCode,
  jsonOf,
  overloadIn,
  recordOf,
  type Refusal,
  type RouterError,
} from "../base/mod.ts";

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
  "unsupported-type": { status: 415, type: "UnsupportedMediaTypeError" },
  "conflict": { status: 409, type: "ConflictError" },
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
  "pair-unequal": { status: 503, type: "ServiceUnavailableError" },
  "kv-timeout": { status: 504, type: "GatewayTimeoutError" },
  "decode-failed": { status: 502, type: "BadGatewayError" },
  "upstream-unreachable": { status: 502, type: "BadGatewayError" },
  "upstream-lost": { status: 502, type: "BadGatewayError" },
  "upstream-protocol": { status: 502, type: "BadGatewayError" },
  "upstream-timeout": { status: 504, type: "GatewayTimeoutError" },
  "engine-unhealthy": { status: 502, type: "BadGatewayError" },
  "check-failed": { status: 502, type: "BadGatewayError" },
  "request-timeout": { status: 504, type: "GatewayTimeoutError" },
  "client-gone": { status: 499, type: "ClientClosedRequest" },
  "shutting-down": { status: 503, type: "ServiceUnavailableError" },
  "internal": { status: 500, type: "InternalServerError" },
};

/** What `error` means to a client: what fails because the router has no room means just that. */
export function meaningOf(error: RouterError): ErrorMeaning {
  return ERROR_MEANINGS[overloadIn(error)?.code ?? error.code];
}

/**
 * The body that tells a client of `error`; `code` is the HTTP status, as in vLLM. Of a refusal of an
 * engine's it is that engine's own, as far as that has the known shape.
 */
export function errorBodyOf(error: RouterError): ErrorBody {
  if (error.refusal !== undefined) return refusalBodyOf(error.refusal, error.message);
  const { status, type } = meaningOf(error);
  return { error: { message: error.message, type, param: error.param ?? null, code: status } };
}

function refusalBodyOf({ status: code, body }: Refusal, known: string): ErrorBody {
  const told = jsonOf(body);
  const { error, ...older } = recordOf(told) ?? {};
  // Older engines tell the members of the error itself.
  const said = recordOf(error) ?? (typeof older["message"] === "string" ? older : {});
  const { object: _object, ...more } = said;
  const { type, param } = more;
  return {
    error: {
      ...shallowMembers(more),
      message: errorMessageOf(told) ?? known,
      type: typeof type === "string" ? type : errorTypeOf(code),
      param: typeof param === "string" ? param : null,
      code,
    },
  };
}

/** The type of an error with `status` that names none. */
export function errorTypeOf(status: number): string {
  const meanings = Object.values(ERROR_MEANINGS);
  return meanings.find((meaning) => meaning.status === status)?.type ?? "BadRequestError";
}

/** How deep a member of an error may be nested: none is as a rule, and what is without end cannot be told. */
const MAX_NESTING = 16;

/** The members of an engine's error that can be told: without those that are nested too deeply. */
export function shallowMembers(
  members: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(members).filter(([, value]) => isShallow(value, MAX_NESTING)),
  );
}

function isShallow(value: unknown, levels: number): boolean {
  const members = recordOf(value);
  return members === undefined ||
    (levels > 0 && Object.values(members).every((member) => isShallow(member, levels - 1)));
}

/** Errors within errors that are looked through: a proxy may put an engine's into its own. */
const MAX_ERRORS = 8;

/** The message in an engine's error body of any of the known shapes, or undefined. */
export function errorMessageOf(value: unknown): string | undefined {
  let told = value;
  for (let depth = 0; depth <= MAX_ERRORS; depth++) {
    if (typeof told === "string") return told;
    const { error, message, detail } = recordOf(told) ?? {};
    if (error === undefined) {
      if (typeof message === "string") return message;
      return typeof detail === "string" ? detail : undefined;
    }
    told = error;
  }
  return undefined;
}
