/**
 * Errors as Anthropic's API tells them.
 *
 * Source: Anthropic's documentation of its errors, and the types of `@anthropic-ai/sdk`.
 * @module
 */
import type { ErrorBody } from "./error_body.ts";

/** Body of a failed request for messages. */
export interface AnthropicErrorBody {
  readonly type: "error";
  readonly error: {
    readonly type: string;
    readonly message: string;
    /** The status, where none could be told but in a stream. */
    readonly code?: number | string;
  };
  readonly request_id: string;
}

/** Types of errors by status; other statuses have those of their class. */
const TYPES: ReadonlyMap<number, string> = new Map([
  [401, "authentication_error"],
  [402, "billing_error"],
  [403, "permission_error"],
  [404, "not_found_error"],
  [408, "timeout_error"],
  [409, "conflict_error"],
  [413, "request_too_large"],
  [429, "rate_limit_error"],
  [503, "overloaded_error"],
  [504, "timeout_error"],
  [529, "overloaded_error"],
]);

/** The body that tells what `error` tells. */
export function anthropicErrorOf(
  { message, code }: ErrorBody["error"],
  requestId: string,
): AnthropicErrorBody {
  const status = Number(code);
  const type = TYPES.get(status) ?? (status < 500 ? "invalid_request_error" : "api_error");
  return { type: "error", error: { type, message }, request_id: requestId };
}

/** The same as an event's data: the status has no other place there. */
export function anthropicErrorEventOf(
  told: ErrorBody["error"],
  requestId: string,
): AnthropicErrorBody {
  const body = anthropicErrorOf(told, requestId);
  return { ...body, error: { ...body.error, code: told.code } };
}
