/** Errors as a client is told of them. @module */
import { describeError, overloadIn, RouterError } from "../base/mod.ts";

/** The error with its causes' messages in its own, for a client that cannot see causes. */
export function withCauses(error: RouterError): RouterError {
  if (error.code === "internal" || error.cause === undefined) return error;
  const { param, refusal } = error;
  const code = overloadIn(error)?.code ?? error.code;
  return new RouterError(code, describeError(error), { param, refusal });
}
