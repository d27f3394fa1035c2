/**
 * Finds what an answer says of its usage, in any of its forms: OpenAI's and Anthropic's, whole or as
 * events. It looks for the bytes `"usage":{`, which can stand in no JSON string: a quote in one has a
 * backslash in front.
 * @module
 */
import {
  CLOSE_BRACE,
  COLON,
  encodeUtf8,
  indexOfBytes,
  isSpace,
  jsonOf,
  OPEN_BRACE,
  QUOTE,
  recordOf,
} from "../base/mod.ts";

const NAME = encodeUtf8('"usage"');
const EVENT = encodeUtf8("data:");

/** Largest `usage` that is read, in bytes. */
const MAX_USAGE_BYTES = 8 * 1024;

/** Where in `"usage":{...}` the next byte stands; `name` is anywhere before its end. */
type State = "name" | "colon" | "brace" | "object";

/** Reads bytes as they come, each once; keeps no more of them than one `usage`. */
export class UsageScanner {
  #input = 0;
  #output = 0;
  #total = 0;
  #told = false;
  #events = 0;
  #state: State = "name";
  /** Bytes of the name that have come, where the bytes before ended within it. */
  #matched = 0;
  #object: Uint8Array = new Uint8Array(0);
  #size = 0;
  #depth = 0;
  #quoted = false;

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
    for (let at = 0; at < bytes.length;) {
      at = this.#state === "name" ? this.#seek(bytes, at) : this.#step(bytes[at] ?? 0, at);
    }
  }

  /** Look for the name from `at` on; the offset behind it, or the end. */
  #seek(bytes: Uint8Array, at: number): number {
    let from = at;
    while (this.#matched > 0 && from < bytes.length) {
      if (bytes[from] !== NAME[this.#matched]) this.#matched = 0;
      else {
        from++;
        if (++this.#matched === NAME.length) return this.#named(from);
      }
    }
    if (this.#matched > 0) return from;
    const found = indexOfBytes(bytes, NAME, from);
    if (found >= 0) return this.#named(found + NAME.length);
    this.#matched = beginningAtEnd(bytes, from);
    return bytes.length;
  }

  #named(at: number): number {
    this.#matched = 0;
    this.#state = "colon";
    return at;
  }

  /** Take one byte behind the name; the offset of the next to look at. */
  #step(byte: number, at: number): number {
    if (this.#state === "object") this.#take(byte);
    else if (isSpace(byte)) return at + 1;
    else if (this.#state === "colon" && byte === COLON) this.#state = "brace";
    else if (this.#state === "brace" && byte === OPEN_BRACE) this.#open();
    else {
      // Not what was looked for: the name may begin with this very byte.
      this.#state = "name";
      return at;
    }
    return at + 1;
  }

  #open(): void {
    if (this.#object.length === 0) this.#object = new Uint8Array(MAX_USAGE_BYTES);
    this.#state = "object";
    this.#size = 0;
    this.#depth = 0;
    this.#quoted = false;
    this.#take(OPEN_BRACE);
  }

  /** Usages hold no texts as a rule; a brace in one would be none. */
  #take(byte: number): void {
    if (this.#size === MAX_USAGE_BYTES) {
      this.#state = "name";
      return;
    }
    this.#object[this.#size++] = byte;
    if (byte === QUOTE) this.#quoted = !this.#quoted;
    else if (this.#quoted) return;
    else if (byte === OPEN_BRACE) this.#depth++;
    else if (byte === CLOSE_BRACE && --this.#depth === 0) {
      this.#state = "name";
      this.#read(this.#object.subarray(0, this.#size));
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

/** How many bytes at the end of `bytes`, from `from` on, are the beginning of the name. */
function beginningAtEnd(bytes: Uint8Array, from: number): number {
  for (let size = Math.min(NAME.length - 1, bytes.length - from); size > 0; size--) {
    if (NAME.subarray(0, size).every((byte, at) => bytes[bytes.length - size + at] === byte)) {
      return size;
    }
  }
  return 0;
}

function isCount(value: unknown): boolean {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}
