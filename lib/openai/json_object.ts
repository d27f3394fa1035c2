/** A JSON object kept as bytes: looked into by key, rewritten by splicing. @module */
import {
  type ByteParts,
  concatBytes,
  decodeUtf8,
  encodeUtf8,
  plainText,
  QUOTE,
  type Sliced,
  unlessMalformed,
} from "../base/mod.ts";
import { type Member, scanningObject, scanObject, type ScanOptions } from "./json_scan.ts";

/** Raw JSON of a value to put in: bytes, pieces of bytes, or text. */
export type RawJson = Uint8Array | ByteParts | string;

/** What to change in an object: keys to leave out, and members to set (replacing or added). */
export interface ObjectEdit {
  readonly remove?: ReadonlySet<string>;
  readonly set?: Readonly<Record<string, RawJson | undefined>>;
}

/** An immutable view of a JSON object's bytes. Of duplicate keys the last counts, as in Python. */
export class JsonObject {
  readonly #source: Uint8Array;
  readonly #members: readonly Member[];
  readonly #byKey: ReadonlyMap<string, Member>;
  /** A member in place of those of its key, and its value. */
  readonly #put: { readonly key: string; readonly raw: Uint8Array } | undefined;
  /** With that member in its bytes. */
  #flat: JsonObject | undefined;

  /**
   * Scans `bytes` at once, unless `members` says what stands where.
   * Throws `JsonScanError` when `bytes` is not one JSON object.
   */
  constructor(
    bytes: Uint8Array,
    members: readonly Member[] = scanObject(bytes),
    put?: { readonly key: string; readonly raw: Uint8Array },
  ) {
    this.#source = bytes;
    this.#members = members;
    const byKey = new Map<string, Member>();
    for (const member of members) byKey.set(member.key, member);
    this.#byKey = byKey;
    this.#put = put;
  }

  /** The object that `bytes` is, scanned in steps. Throws as the constructor, and `TooManyMembers`. */
  static *reading(bytes: Uint8Array, options?: ScanOptions): Sliced<JsonObject> {
    return new JsonObject(bytes, yield* scanningObject(bytes, options));
  }

  /** The object with `raw` as the value of `key`, behind the others. Nothing is copied. */
  with(key: string, raw: Uint8Array): JsonObject {
    return new JsonObject(this.#source, this.#members, { key, raw });
  }

  /** The object's text as one piece. */
  get bytes(): Uint8Array {
    return this.#put === undefined ? this.#source : this.#joined.#source;
  }

  /** The object's text. Nothing is copied. */
  get parts(): ByteParts {
    return this.#put === undefined ? [this.#source] : this.edited({});
  }

  /** Whether `key` is present with a value other than `null`. */
  has(key: string): boolean {
    if (key === this.#put?.key) return true;
    const member = this.#byKey.get(key);
    return member !== undefined && !this.#isNull(member);
  }

  /** The keys present, `null` values included. */
  keys(): Iterable<string> {
    return this.#put === undefined ? this.#byKey.keys() : this.#joined.keys();
  }

  /** The range of the value of `key` in `bytes`, or undefined when absent. */
  member(key: string): Member | undefined {
    return this.#put === undefined ? this.#byKey.get(key) : this.#joined.member(key);
  }

  /** The bytes of the value of `key` as they stand, or undefined when absent or `null`. */
  raw(key: string): Uint8Array | undefined {
    if (key === this.#put?.key) return this.#put.raw;
    const member = this.#byKey.get(key);
    if (member === undefined || this.#isNull(member)) return undefined;
    return this.#source.subarray(member.start, member.end);
  }

  /**
   * The value of `key`, parsed; undefined when absent or `null`. For values known to be small.
   * Throws `SyntaxError` when a string in it is malformed.
   */
  value(key: string): unknown {
    const raw = this.raw(key);
    return raw && (plainValue(raw) ?? parseValue(decodeUtf8(raw)));
  }

  /**
   * The object with `edit` applied, as pieces: kept members are views of these bytes, neither
   * parsed nor copied. Members set to undefined stay as they are.
   */
  edited({ remove, set = {} }: ObjectEdit): ByteParts {
    const put = this.#put;
    const writer = new ObjectWriter();
    let run: { start: number; end: number } | undefined;
    const flush = (): void => {
      if (run !== undefined) writer.members(this.#source.subarray(run.start, run.end));
      run = undefined;
    };
    for (const member of this.#members) {
      const { key, keyStart, end } = member;
      const gone = remove?.has(key) || key === put?.key ||
        (Object.hasOwn(set, key) && set[key] !== undefined);
      if (gone) flush();
      else if (run === undefined) run = { start: keyStart, end };
      else run.end = end;
    }
    flush();
    if (put !== undefined && !remove?.has(put.key) && set[put.key] === undefined) {
      writer.set({ [put.key]: put.raw });
    }
    writer.set(set);
    return writer.end();
  }

  get #joined(): JsonObject {
    return this.#flat ??= new JsonObject(concatBytes(this.edited({})));
  }

  #isNull(member: Member): boolean {
    return this.#source[member.start] === 0x6e;
  }
}

/** The value of `raw` where it is a short text without escapes, or a boolean; undefined for any other. */
function plainValue(raw: Uint8Array): string | boolean | undefined {
  const end = raw.length - 1;
  if (raw[0] === QUOTE) {
    return end > 0 && raw[end] === QUOTE ? plainText(raw, 1, end) : undefined;
  }
  const text = end < 5 ? plainText(raw, 0, raw.length) : undefined;
  return text === "true" ? true : text === "false" ? false : undefined;
}

/** Python's names of numbers that JSON has none for, and whatever they must not be looked for in. */
const NOT_FINITE = /"(?:[^"\\]|\\.)*"|-?Infinity|NaN/gs;

/** The value of `text`; of numbers that are not finite only that is kept. Throws `SyntaxError`. */
function parseValue(text: string): unknown {
  const value = unlessMalformed(() => ({ of: JSON.parse(text) as unknown }));
  if (value !== undefined) return value.of;
  return JSON.parse(text.replace(NOT_FINITE, (found) => {
    if (found.startsWith('"')) return found;
    return found.startsWith("-") ? "-1e999" : "1e999";
  }));
}

/** Raw JSON of an object made of raw members; undefined ones are left out. */
export function objectOf(members: Readonly<Record<string, RawJson | undefined>>): ByteParts {
  const writer = new ObjectWriter();
  writer.set(members);
  return writer.end();
}

/** Writes one object. Text is gathered and encoded once for each stretch between given bytes. */
class ObjectWriter {
  readonly #parts: Uint8Array[] = [];
  #text = "{";
  #empty = true;

  /** Add bytes of one or more members with the commas between them. */
  members(bytes: Uint8Array): void {
    this.#separate();
    this.#bytes(bytes);
  }

  /** Add a member for each value that is not undefined. */
  set(members: Readonly<Record<string, RawJson | undefined>>): void {
    for (const [key, value] of Object.entries(members)) {
      if (value === undefined) continue;
      this.#separate();
      this.#text += `${JSON.stringify(key)}:`;
      if (typeof value === "string") this.#text += value;
      else if (value instanceof Uint8Array) this.#bytes(value);
      else for (const part of value) this.#bytes(part);
    }
  }

  /** The whole object. */
  end(): ByteParts {
    this.#parts.push(encodeUtf8(`${this.#text}}`));
    return this.#parts;
  }

  #separate(): void {
    if (!this.#empty) this.#text += ",";
    this.#empty = false;
  }

  #bytes(bytes: Uint8Array): void {
    if (this.#text !== "") this.#parts.push(encodeUtf8(this.#text));
    this.#text = "";
    this.#parts.push(bytes);
  }
}
