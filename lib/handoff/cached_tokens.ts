/**
 * Corrects `cached_tokens` of an answer whose prompt was prefilled elsewhere.
 *
 * The decode engine counts the transferred prompt as cached; only the prefill engine knows what
 * was cached before this request.
 * @module
 */
import {
  COLON,
  concatBytes,
  encodeUtf8,
  GrowingBytes,
  indexOfBytes,
  LF,
  recordOf,
  shortUtf8,
  skipDigits,
  skipSpace,
} from "../base/mod.ts";
import type { Usage } from "../openai/mod.ts";
import { type Answer, type ByteSource, isWhole, sourceOf } from "../request/mod.ts";

/** The count's name as engines write it in `usage`: within a string, its quotes would be escaped. */
const NAME = encodeUtf8('"cached_tokens"');

/** An unfinished line is kept up to so many bytes; of a longer one, what may still be corrected. */
const MAX_LINE_BYTES = 256 * 1024;

/** So many bytes behind a count, no other one of the same line is waited for. */
const MAX_TAIL_BYTES = 64 * 1024;

/** More than a line that is kept, and a read. */
const MAX_HELD_BYTES = 128 * 1024 * 1024;

/** The prefill's count, when it is known. */
type AskCached = () => number | undefined;

/**
 * `answer` with the prefill's count of cached tokens; as it is where the prefill gave none. Of a
 * prefill that is still under way, `prefill` is asked when the count is met, which comes last.
 */
export function withCachedTokens(
  answer: Answer,
  prefill: Usage | undefined | (() => Usage | undefined),
): Answer {
  const { body } = answer;
  if (typeof prefill !== "function" && cachedIn(prefill) === undefined) return answer;
  const cached: AskCached = () => cachedIn(typeof prefill === "function" ? prefill() : prefill);
  return {
    ...answer,
    body: isWhole(body) ? corrected(body, cached) : correctedSource(body, cached),
  };
}

/** How many tokens of the prompt `usage` says were cached; undefined where it does not say. */
export function cachedIn(usage: Usage | undefined): number | undefined {
  const cached = recordOf(usage?.prompt_tokens_details)?.["cached_tokens"];
  return typeof cached === "number" ? cached : undefined;
}

/** Usage comes last, after what could have a member of that name: the last one is the usage. */
function corrected(bytes: Uint8Array, asked: AskCached): Uint8Array {
  const count = lastCount(bytes);
  const cached = count && asked();
  if (count === undefined || cached === undefined) return bytes;
  const { start, end } = count;
  return concatBytes([bytes.subarray(0, start), shortUtf8(String(cached)), bytes.subarray(end)]);
}

/** A count: where its name begins, and its digits. */
interface Count {
  readonly at: number;
  readonly start: number;
  readonly end: number;
}

function lastCount(bytes: Uint8Array): Count | undefined {
  let last: Count | undefined;
  for (let at = indexOfBytes(bytes, NAME); at >= 0; at = indexOfBytes(bytes, NAME, at + 1)) {
    const colon = skipSpace(bytes, at + NAME.length);
    const start = skipSpace(bytes, colon + 1);
    const end = bytes[colon] === COLON ? skipDigits(bytes, start) : start;
    if (end > start) last = { at, start, end };
  }
  return last;
}

/** Works on whole lines, which in a stream of events hold whole fields. */
function correctedSource(source: ByteSource, cached: AskCached): ByteSource {
  const held = new GrowingBytes(MAX_HELD_BYTES);
  const take = (count: number): Uint8Array => {
    const taken = held.view(0, count).slice();
    held.drop(count);
    return taken;
  };
  return sourceOf({
    async read() {
      for (;;) {
        const bytes = await source.read();
        if (bytes === undefined) {
          return held.length === 0 ? undefined : corrected(take(held.length), cached);
        }
        const lines = bytes.lastIndexOf(LF) + 1;
        if (lines > 0) {
          const end = bytes.subarray(0, lines);
          const whole = held.length === 0 ? end : concatBytes([take(held.length), end]);
          held.append(bytes.subarray(lines));
          return correctedLines(whole, cached);
        }
        held.append(bytes);
        if (held.length <= MAX_LINE_BYTES) continue;
        const part = partOf(held.view(), cached);
        held.drop(held.length - part.left);
        if (part.bytes.length > 0) return part.bytes;
      }
    },
    cancel: () => source.cancel(),
    failure: () => source.failure,
  });
}

function correctedLines(bytes: Uint8Array, cached: AskCached): Uint8Array {
  if (indexOfBytes(bytes, NAME) < 0) return bytes;
  const lines: Uint8Array[] = [];
  for (let from = 0; from < bytes.length;) {
    const end = bytes.indexOf(LF, from) + 1 || bytes.length;
    lines.push(corrected(bytes.subarray(from, end), cached));
    from = end;
  }
  return concatBytes(lines);
}

/** What of a long line can go, and how much of its end is `left`. */
function partOf(
  line: Uint8Array,
  cached: AskCached,
): { readonly bytes: Uint8Array; readonly left: number } {
  const count = lastCount(line);
  const tail = count === undefined ? 0 : line.length - count.at;
  // It may be the usage of an answer in one line: what follows tells.
  if (count !== undefined && tail <= MAX_TAIL_BYTES) {
    return { bytes: line.slice(0, count.at), left: tail };
  }
  // A name may have begun.
  const end = line.length - MAX_NAME_BYTES;
  return { bytes: corrected(line.slice(0, end), cached), left: MAX_NAME_BYTES };
}

/** A name, white space, a colon and a count, within reason. */
const MAX_NAME_BYTES = 64;
