/** How the stream of a list ends when one of its prompts has failed. @module */
import { concatBytes, jsonOf, RouterError } from "../base/mod.ts";
import { errorBodyOf, errorMessageOf } from "../openai/mod.ts";
import { type Answer, isRefused, isWhole, toldInData } from "../request/mod.ts";
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
  const told = toldInData(data);
  const failure = known ??
    (told !== undefined && isRefused(told)
      ? new RouterError("bad-request", `An engine refused a prompt: ${message}`)
      : new RouterError("decode-failed", `An engine failed: ${message}`));
  return { failure, event: concatBytes([EVENT_START, data, EVENT_END]) };
}

/**
 * The error answer to a prompt, when the status can no longer tell it: its `code` does, in the words of
 * `told`.
 */
export function refusal(
  { status, headers, body }: Answer,
  told?: (error: RouterError) => RouterError,
): Fatal {
  const said = isWhole(body) ? body : new Uint8Array(0);
  const value = jsonOf(said);
  const message = errorMessageOf(value) ?? "no reason given";
  const code = status < 500 ? "bad-request" : "decode-failed";
  const what = `An engine answered ${status} to one prompt: ${message}`;
  return fatalOf(new RouterError(code, what, { refusal: { status, headers, body: said } }), told);
}
