/** What an engine's answer about a prompt says. @module */
import {
  atOnce,
  copyInTurns,
  type Engine,
  errorCodeOf,
  RouterError,
  unlessMalformed,
} from "../base/mod.ts";
import { errorMessageOf, JsonObject, setAside, SMALL_JSON_BYTES } from "../openai/mod.ts";
import { countInTurns } from "./ids.ts";
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

/** An answer, parted from its id list, which may be a large one. */
export interface IdsReply {
  /** Undefined for no object. */
  readonly rest: JsonObject | undefined;
  readonly ids: Uint8Array | undefined;
}

/** `body`, an object of which `key` is the id list: the reply's, or in it. */
export async function idsIn(
  { work = atOnce }: JsonReply,
  body: Uint8Array,
  key: string,
): Promise<IdsReply> {
  if (body.length <= SMALL_JSON_BYTES) {
    const rest = readJson(body);
    return { rest, ids: rest?.raw(key) };
  }
  try {
    return await work(largeIdsIn(body, key));
  } catch (error) {
    if (error instanceof SyntaxError) return { rest: undefined, ids: undefined };
    throw error;
  }
}

function* largeIdsIn(body: Uint8Array, key: string): Generator<void, IdsReply, void> {
  const { rest, aside } = yield* setAside(body);
  const object = new JsonObject(rest);
  const large = aside.findLast((one) => one.key === key)?.value;
  if (large === undefined) return { rest: object, ids: object.raw(key) };
  // The answer itself need not be held with them.
  return { rest: object, ids: yield* copyInTurns(large) };
}

/** The id list `ids` of a reply with status 200. Throws `tokenize-failed` where there is none. */
export async function idsOf(
  engine: Engine,
  path: string,
  reply: JsonReply,
  ids: Uint8Array | undefined,
): Promise<CountedIds> {
  const { status, body, refusal, work = atOnce } = reply;
  const count = ids === undefined ? undefined : await work(countInTurns(ids));
  if (status === 200 && ids !== undefined && count !== undefined) return { ids, count };
  const said = body.length > SMALL_JSON_BYTES ? undefined : valueIn(readJson(body), "error");
  throw new RouterError(
    "tokenize-failed",
    `Engine ${engine.url} answered ${path} with status ${status} ` +
      (errorMessageOf(said) ?? "and no token list"),
    { refusal },
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
