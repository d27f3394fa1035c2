/** What an answer's last bytes tell of its tokens, in any of its forms: OpenAI's and Anthropic's. @module */
import { CLOSE_BRACE, decodeUtf8, jsonOf, OPEN_BRACE, recordOf } from "../base/mod.ts";
import type { AnswerTokens } from "../fleet/mod.ts";

/** Where usage is looked for, in bytes from the end: engines tell it last, or nearly so. */
export const USAGE_BYTES = 4096;

/** Within a string, its quotes would be escaped. */
const NAME = '"usage"';
const BEGINNING = /"usage"\s*:\s*\{/y;

/** The tokens that the last usage in the end of `bytes` tells; undefined where it tells none. */
export function tokensToldIn(bytes: Uint8Array): AnswerTokens | undefined {
  const text = decodeUtf8(bytes.subarray(-USAGE_BYTES));
  const last = lastUsage(text);
  if (last < 0) return undefined;
  const usage = recordOf(jsonOf(objectAt(text, last)));
  if (usage === undefined) return undefined;
  const prompt = countIn(usage, "prompt_tokens", "input_tokens");
  const answer = countIn(usage, "completion_tokens", "output_tokens");
  // Embeddings are answers of no tokens.
  if (prompt === undefined && answer === undefined) return undefined;
  return { ...(prompt === undefined ? {} : { prompt }), answer: answer ?? 0 };
}

/** Where the object of the last usage in `text` begins; -1 for none. */
function lastUsage(text: string): number {
  for (let at = text.lastIndexOf(NAME); at >= 0; at = text.lastIndexOf(NAME, at - 1)) {
    BEGINNING.lastIndex = at;
    if (BEGINNING.test(text)) return BEGINNING.lastIndex - 1;
    if (at === 0) return -1;
  }
  return -1;
}

/** The object that begins at `from`; cut short where it has no end. Names in a usage have no braces. */
function objectAt(text: string, from: number): string {
  let depth = 0;
  for (let at = from; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === OPEN_BRACE) depth++;
    else if (code === CLOSE_BRACE && --depth === 0) return text.slice(from, at + 1);
  }
  return "";
}

function countIn(
  usage: Readonly<Record<string, unknown>>,
  ...names: readonly string[]
): number | undefined {
  for (const name of names) {
    const value = usage[name];
    if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  }
  return undefined;
}
