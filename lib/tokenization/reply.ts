/** What an engine's answer about a prompt says. @module */
import { type Engine, errorCodeOf, RouterError, unlessMalformed } from "../base/mod.ts";
import { errorMessageOf, JsonObject } from "../openai/mod.ts";
import { countUncheckedIds } from "./ids.ts";
import type { JsonReply } from "./post.ts";

/** What kept `engine` from an answer, as an error: but for the client's leaving, `tokenize-failed`. */
export function unanswered(engine: Engine): (cause: unknown) => unknown {
  return (cause) =>
    errorCodeOf(cause) === "client-gone"
      ? cause
      : new RouterError("tokenize-failed", `Cannot tokenize on engine ${engine.url}`, { cause });
}

/** A list of ids, and how many they are. */
export interface CountedIds {
  readonly ids: Uint8Array;
  readonly count: number;
}

/** The id list `ids` of a reply with status 200. Throws `tokenize-failed` where there is none. */
export function idsOf(
  engine: Engine,
  path: string,
  reply: JsonReply,
  ids: Uint8Array | undefined,
): CountedIds {
  const count = ids === undefined ? undefined : countUncheckedIds(ids);
  if (reply.status === 200 && ids !== undefined && count !== undefined) return { ids, count };
  const said = errorMessageOf(valueIn(readJson(reply.body), "error"));
  throw new RouterError(
    "tokenize-failed",
    `Engine ${engine.url} answered ${path} with status ${reply.status} ` +
      (said ?? "and no token list"),
  );
}

/** `bytes` as a JSON object; undefined when they are none. */
export function readJson(bytes: Uint8Array): JsonObject | undefined {
  return unlessMalformed(() => new JsonObject(bytes));
}

/** The value of `key`; undefined when a string in it is malformed, which the scan passes over. */
export function valueIn(answer: JsonObject | undefined, key: string): unknown {
  return unlessMalformed(() => answer?.value(key));
}
