/** What is said when the decode leg fails. @module */
import { describeError, type Engine, errorCodeOf, type Refusal, RouterError } from "../base/mod.ts";

/** A failure of the decode leg, naming the engine; `refusal` where it is the client's to know. */
export function decodeError(
  engine: Engine,
  what: string,
  cause?: unknown,
  refusal?: Refusal,
): RouterError {
  const code = errorCodeOf(cause) === "upstream-timeout" ? "upstream-timeout" : "decode-failed";
  return new RouterError(code, `Decode on engine ${engine.url} ${what}`, { cause, refusal });
}

/** Whatever ended the decode leg, as a failure of it. */
export function asDecodeError(engine: Engine, cause: unknown): RouterError {
  return cause instanceof RouterError && cause.code === "decode-failed"
    ? cause
    : decodeError(engine, `failed: ${describeError(cause)}`, cause);
}
