/**
 * Corrects `cached_tokens` of an answer whose prompt was prefilled elsewhere.
 *
 * The decode engine counts the transferred prompt as cached; only the prefill engine knows what
 * was cached before this request.
 * @module
 */
import { concatBytes, decodeUtf8, encodeUtf8, indexOfBytes, LF } from "../base/mod.ts";
import type { Usage } from "../openai/mod.ts";
import { type Answer, type ByteSource, isWhole } from "../request/mod.ts";

/** The count as engines write it in `usage`. */
const FIELD = /("cached_tokens"\s*:\s*)(\d+)/g;
const NAME = encodeUtf8('"cached_tokens"');

/** Longest line put together of several reads, in bytes; a longer one is passed on as it comes. */
const MAX_LINE_BYTES = 16 * 1024 * 1024;

/**
 * `answer` with the prefill's count of cached tokens; as it is where the prefill gave none. Of a
 * prefill that is still under way, `prefill` is asked when the count is met, which comes last.
 */
export function withCachedTokens(
  answer: Answer,
  prefill: Usage | undefined | (() => Usage | undefined),
): Answer {
  const { body } = answer;
  if (typeof prefill !== "function" && cachedOf(prefill) === undefined) return answer;
  const cached = (): number | undefined =>
    cachedOf(typeof prefill === "function" ? prefill() : prefill);
  if (isWhole(body)) return { ...answer, body: corrected(body, cached()) };
  return { ...answer, body: correctedSource(body, cached) };
}

function cachedOf(usage: Usage | undefined): number | undefined {
  const details = usage?.prompt_tokens_details as
    | { readonly cached_tokens?: unknown }
    | null
    | undefined;
  const cached = details?.cached_tokens;
  return typeof cached === "number" ? cached : undefined;
}

/** Usage comes last, after text that could quote the field's name: the last one is the usage. */
function corrected(bytes: Uint8Array, cached: number | undefined): Uint8Array {
  if (cached === undefined || indexOfBytes(bytes, NAME) < 0) return bytes;
  const text = decodeUtf8(bytes);
  const last = [...text.matchAll(FIELD)].at(-1);
  if (last === undefined) return bytes;
  const [match, name = ""] = last;
  const after = last.index + match.length;
  return encodeUtf8(`${text.slice(0, last.index)}${name}${cached}${text.slice(after)}`);
}

/** Works on whole lines, which in a stream of events hold whole fields, and passes others on. */
function correctedSource(source: ByteSource, cached: () => number | undefined): ByteSource {
  let kept: Uint8Array = new Uint8Array(0);
  return {
    async read() {
      for (;;) {
        const bytes = await source.read();
        if (bytes === undefined) {
          const rest = kept;
          kept = new Uint8Array(0);
          return rest.length === 0 ? undefined : corrected(rest, cached());
        }
        const all = kept.length === 0 ? bytes : concatBytes([kept, bytes]);
        const end = all.lastIndexOf(LF) + 1;
        kept = all.slice(end);
        if (end > 0) return correctedLines(all.subarray(0, end), cached);
        if (all !== bytes && all.length > MAX_LINE_BYTES) {
          kept = new Uint8Array(0);
          return all;
        }
      }
    },
    cancel: () => source.cancel(),
    get failure() {
      return source.failure;
    },
  };
}

function correctedLines(bytes: Uint8Array, asked: () => number | undefined): Uint8Array {
  if (indexOfBytes(bytes, NAME) < 0) return bytes;
  const cached = asked();
  if (cached === undefined) return bytes;
  const lines = decodeUtf8(bytes).split("\n").map((line) =>
    decodeUtf8(corrected(encodeUtf8(line), cached))
  );
  return encodeUtf8(lines.join("\n"));
}
