/** What an answer's last bytes tell of its tokens, in any of its forms: OpenAI's and Anthropic's. @module */
import { decodeUtf8, jsonOf, recordOf } from "../base/mod.ts";
import type { AnswerTokens } from "../fleet/mod.ts";

/** Where usage is looked for, in bytes from the end: engines tell it last, or nearly so. */
export const USAGE_BYTES = 4096;

/** Within a string, its quotes would be escaped. */
const USAGE = /"usage"\s*:\s*\{/g;

/** The tokens that the last usage in the end of `bytes` tells; undefined where it tells none. */
export function tokensToldIn(bytes: Uint8Array): AnswerTokens | undefined {
  const text = decodeUtf8(bytes.subarray(-USAGE_BYTES));
  const last = [...text.matchAll(USAGE)].at(-1);
  if (last === undefined) return undefined;
  const usage = recordOf(jsonOf(objectAt(text, last.index + last[0].length - 1)));
  if (usage === undefined) return undefined;
  const prompt = countIn(usage, "prompt_tokens", "input_tokens");
  const answer = countIn(usage, "completion_tokens", "output_tokens");
  // Embeddings are answers of no tokens.
  if (prompt === undefined && answer === undefined) return undefined;
  return { ...(prompt === undefined ? {} : { prompt }), answer: answer ?? 0 };
}

/** The object that begins at `from`; cut short where it has no end. Names in a usage have no braces. */
function objectAt(text: string, from: number): string {
  let depth = 0;
  for (let at = from; at < text.length; at++) {
    if (text[at] === "{") depth++;
    else if (text[at] === "}" && --depth === 0) return text.slice(from, at + 1);
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
