/** What is said when the decode leg fails. @module */
import { describeError, type Engine, errorCodeOf, RouterError } from "../base/mod.ts";

/** A failure of the decode leg, naming the engine. */
export function decodeError(engine: Engine, what: string, cause?: unknown): RouterError {
  const code = errorCodeOf(cause) === "upstream-timeout" ? "upstream-timeout" : "decode-failed";
  return new RouterError(code, `Decode on engine ${engine.url} ${what}`, { cause });
}

/** Whatever ended the decode leg, as a failure of it. */
export function asDecodeError(engine: Engine, cause: unknown): RouterError {
  return cause instanceof RouterError && cause.code === "decode-failed"
    ? cause
    : decodeError(engine, `failed: ${describeError(cause)}`, cause);
}
