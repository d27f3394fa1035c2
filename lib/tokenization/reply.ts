/** What an engine's answer about a prompt says. @module */
import {
  type Engine,
  errorCodeOf,
  RouterError,
  type Sliced,
  unlessMalformed,
} from "../base/mod.ts";
import { errorMessageOf, JsonObject, JsonScanError } from "../openai/mod.ts";
import { countingIds } from "./ids.ts";
import type { JsonReply } from "./post.ts";

/** What kept `engine` from an answer, as an error: but for the client's leaving, `tokenize-failed`. */
export function unanswered(engine: Engine): (cause: unknown) => unknown {
  return (cause) =>
    errorCodeOf(cause) === "client-gone"
      ? cause
      : new RouterError("tokenize-failed", `Cannot tokenize on engine ${engine.url}`, { cause });
}

/**
 * Whether an engine's status says that it does not take the prompt; one that has no room for it at the
 * moment (429) has failed instead.
 */
export function isRefusal(status: number): boolean {
  return status >= 400 && status < 500 && status !== 429;
}

/** A list of ids, and how many they are. */
export interface CountedIds {
  readonly ids: Uint8Array;
  readonly count: number;
}

/** The id list `ids` of a reply with status 200. Throws `tokenize-failed` where there is none. */
export function* readingIds(
  engine: Engine,
  path: string,
  reply: JsonReply,
  ids: Uint8Array | undefined,
): Sliced<CountedIds> {
  const count = ids === undefined ? undefined : yield* countingIds(ids);
  if (reply.status === 200 && ids !== undefined && count !== undefined) return { ids, count };
  const said = errorMessageOf(valueIn(yield* readingJson(reply.body), "error"));
  throw new RouterError(
    "tokenize-failed",
    `Engine ${engine.url} answered ${path} with status ${reply.status} ` +
      (said ?? "and no token list"),
    { refusal: reply.refusal },
  );
}

/** `bytes` as a JSON object; undefined when they are none. */
export function* readingJson(bytes: Uint8Array): Sliced<JsonObject | undefined> {
  try {
    return yield* JsonObject.reading(bytes);
  } catch (error) {
    if (error instanceof JsonScanError) return undefined;
    throw error;
  }
}

/** The value of `key`; undefined when a string in it is malformed, which the scan passes over. */
export function valueIn(answer: JsonObject | undefined, key: string): unknown {
  return unlessMalformed(() => answer?.value(key));
}
