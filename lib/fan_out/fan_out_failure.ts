/** How the stream of a list ends when one of its prompts has failed. @module */
import { concatBytes, jsonOf, recordOf, RouterError } from "../base/mod.ts";
import { errorBodyOf, errorMessageOf } from "../openai/mod.ts";
import { type Answer, isWhole } from "../request/mod.ts";
import { EVENT_END, EVENT_START, jsonEvent } from "../sse/mod.ts";

/** The answer cannot go on: `event` is the last thing the client gets. */
export interface Fatal {
  readonly failure: RouterError;
  readonly event: Uint8Array;
}

/** A prompt's answer is not the stream it should be. */
export function notAStream(what: string): Fatal {
  return fatal(new RouterError("upstream-protocol", `An engine's answer to one prompt ${what}`));
}

function fatal(failure: RouterError): Fatal {
  return { failure, event: jsonEvent(errorBodyOf(failure)) };
}

/** What was thrown, told to the client in the words of `told`. */
export function fatalOf(
  error: unknown,
  told: (error: RouterError) => RouterError = (same) => same,
): Fatal {
  const failure = error instanceof RouterError
    ? error
    : new RouterError("internal", "The answer could not be completed", { cause: error });
  return { failure, event: jsonEvent(errorBodyOf(told(failure))) };
}

/** An error event of a prompt's stream goes to the client as it is. */
export function engineError(data: Uint8Array, known: RouterError | undefined): Fatal {
  const message = errorMessageOf(jsonOf(data)) ?? "an error without a message";
  const failure = known ?? new RouterError("decode-failed", `An engine failed: ${message}`);
  return { failure, event: concatBytes([EVENT_START, data, EVENT_END]) };
}

/** The error answer to a prompt, when the status can no longer tell it. */
export function refusal({ status, body }: Answer): Fatal {
  const value = isWhole(body) ? jsonOf(body) : undefined;
  const message = errorMessageOf(value) ?? "no reason given";
  const code = status < 500 ? "bad-request" : "decode-failed";
  const failure = new RouterError(code, `An engine answered ${status} to one prompt: ${message}`);
  const told = recordOf(value)?.["error"] !== undefined;
  return told ? { failure, event: jsonEvent(value) } : fatal(failure);
}
