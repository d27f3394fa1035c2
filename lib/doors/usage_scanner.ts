/**
 * Finds what an answer says of its usage, in any of its forms: OpenAI's and Anthropic's, whole or as
 * events. It looks for the bytes `"usage":{`, which can stand in no JSON string: a quote in one has a
 * backslash in front.
 * @module
 */
import {
  CLOSE_BRACE,
  COLON,
  concatBytes,
  encodeUtf8,
  indexOfBytes,
  jsonOf,
  OPEN_BRACE,
  QUOTE,
  recordOf,
  skipSpace,
} from "../base/mod.ts";

const NAME = encodeUtf8('"usage"');
const EVENT = encodeUtf8("data:");

/** Largest `usage` that is read, in bytes. */
const MAX_USAGE_BYTES = 8 * 1024;

/** Reads bytes as they come; keeps no more of them than a beginning of `usage`. */
export class UsageScanner {
  #input = 0;
  #output = 0;
  #total = 0;
  #told = false;
  #events = 0;
  /** What may be the beginning of something. */
  #carry: Uint8Array = new Uint8Array(0);

  /** Tokens in all, as the answer told last; undefined when it has told nothing. */
  get tokens(): number | undefined {
    return this.#told ? Math.max(this.#total, this.#input + this.#output) : undefined;
  }

  /** Events of a stream, about: some names of theirs may be cut. */
  get events(): number {
    return this.#events;
  }

  push(bytes: Uint8Array): void {
    for (let at = indexOfBytes(bytes, EVENT); at >= 0; at = indexOfBytes(bytes, EVENT, at + 1)) {
      this.#events++;
    }
    const data = this.#carry.length === 0 ? bytes : concatBytes([this.#carry, bytes]);
    for (let from = 0;;) {
      const found = indexOfBytes(data, NAME, from);
      if (found < 0) {
        this.#carry = data.slice(Math.max(from, data.length - NAME.length + 1));
        return;
      }
      from = found + NAME.length;
      const object = objectAt(data, from);
      if (object === "open" && data.length - found <= MAX_USAGE_BYTES) {
        this.#carry = data.slice(found);
        return;
      }
      if (object instanceof Uint8Array) this.#read(object);
    }
  }

  #read(object: Uint8Array): void {
    const usage = recordOf(jsonOf(object));
    if (usage === undefined) return;
    const count = (...names: readonly string[]): number => {
      const [found] = names.map((name) => usage[name]).filter((value) => isCount(value));
      return Number(found ?? 0);
    };
    this.#told = true;
    // Anthropic's streams tell the prompt first and the answer later; all only ever grow.
    this.#input = Math.max(this.#input, count("prompt_tokens", "input_tokens"));
    this.#output = Math.max(this.#output, count("completion_tokens", "output_tokens"));
    this.#total = Math.max(this.#total, count("total_tokens"));
  }
}

function isCount(value: unknown): boolean {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

/** The object behind a name's end at `at`; "open" where its end has not come, "none" for others. */
function objectAt(bytes: Uint8Array, at: number): Uint8Array | "open" | "none" {
  const colon = skipSpace(bytes, at);
  if (colon === bytes.length) return "open";
  if (bytes[colon] !== COLON) return "none";
  const start = skipSpace(bytes, colon + 1);
  if (start === bytes.length) return "open";
  if (bytes[start] !== OPEN_BRACE) return "none";
  let depth = 0;
  for (let index = start; index < bytes.length; index++) {
    const byte = bytes[index];
    // There are no strings in a usage; in one, a brace would not be one.
    if (byte === QUOTE) {
      const end = bytes.indexOf(QUOTE, index + 1);
      if (end < 0) return "open";
      index = end;
    } else if (byte === OPEN_BRACE) depth++;
    else if (byte === CLOSE_BRACE && --depth === 0) return bytes.subarray(start, index + 1);
  }
  return "open";
}
