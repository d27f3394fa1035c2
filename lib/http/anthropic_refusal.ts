/** Refusals at the door as Anthropic's clients read them. @module */
import type { ErrorCode, RouterError } from "../base/mod.ts";

/** Types of the errors of Anthropic's API that say the same. */
const TYPES: Partial<Readonly<Record<ErrorCode, string>>> = {
  "unauthorized": "authentication_error",
  "forbidden": "permission_error",
  "rate-limited": "rate_limit_error",
};

/** The body that tells a client of `path` that it was refused; undefined for other errors and paths. */
export function anthropicRefusal({ code, message }: RouterError, path: string): unknown {
  const type = TYPES[code];
  const own = path === "/v1/messages" || path.startsWith("/v1/messages/");
  return type === undefined || !own ? undefined : { type: "error", error: { type, message } };
}
