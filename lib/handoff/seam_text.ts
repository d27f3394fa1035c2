/** Where the text of an answer stands that another engine is to go on with. @module */
import { lastIds } from "../tokenization/mod.ts";
import { afterBase, type TextOfIds } from "./first_text.ts";
import type { SaidText, TokenList } from "./given.ts";

/** How many ids give a token's text its context. */
const CONTEXT_IDS = 6;

/** Most tokens of characters that are not complete: each begins in one and ends in the next. */
const MAX_TAIL = 8;

/** The end of what has been generated. */
export interface SeamText {
  /** Ids whose text no engine has said, as a character is not complete. */
  readonly tail: readonly number[];
  /** Some ids before, and their text. */
  readonly context: readonly number[];
  readonly base: string;
}

/** Where `ids`, behind a prompt, stand; undefined where it cannot be told. */
export async function seamText(
  ids: TokenList,
  promptIds: Uint8Array,
  textOf: TextOfIds,
): Promise<SeamText | undefined> {
  const known = [...lastIds(promptIds, CONTEXT_IDS), ...ids.slice(-MAX_TAIL - CONTEXT_IDS)];
  for (let count = 0; count <= Math.min(MAX_TAIL, ids.length); count++) {
    const end = known.length - count;
    const context = known.slice(Math.max(0, end - CONTEXT_IDS), end);
    const base = await textOf(context);
    if (base === undefined) return undefined;
    if (!base.endsWith("\ufffd")) return { tail: known.slice(end), context, base };
  }
  return undefined;
}

/**
 * What an engine has held back of the text of `ids` but for `tail`, of which it said `said`; undefined
 * where that cannot be told, as where a parser has taken some of it out.
 */
export async function heldText(
  said: SaidText,
  ids: TokenList,
  { tail }: SeamText,
  promptIds: Uint8Array,
  textOf: TextOfIds,
): Promise<string | undefined> {
  const before = lastIds(promptIds, CONTEXT_IDS);
  const base = await textOf(before);
  const whole = await textOf([...before, ...ids.slice(0, ids.length - tail.length)]);
  if (base === undefined || whole === undefined) return undefined;
  return said.behind(afterBase(whole, base));
}
