/** Errors as a client is told of them. @module */
import { describeError, RouterError } from "../base/mod.ts";

/** The error with its causes' messages in its own, for a client that cannot see causes. */
export function withCauses(error: RouterError): RouterError {
  if (error.code === "internal" || error.cause === undefined) return error;
  const { param, refusal } = error;
  return new RouterError(error.code, describeError(error), { param, refusal });
}
