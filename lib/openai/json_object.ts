/** A JSON object kept as bytes: looked into by key, rewritten by splicing. @module */
import { type ByteParts, decodeUtf8, encodeUtf8 } from "../base/mod.ts";
import { type Member, scanObject } from "./json_scan.ts";

/** Raw JSON of a value to put in: bytes, pieces of bytes, or text. */
export type RawJson = Uint8Array | ByteParts | string;

/** What to change in an object: keys to leave out, and members to set (replacing or added). */
export interface ObjectEdit {
  readonly remove?: ReadonlySet<string>;
  readonly set?: Readonly<Record<string, RawJson | undefined>>;
}

/** An immutable view of a JSON object's bytes. Of duplicate keys the last counts, as in Python. */
export class JsonObject {
  readonly bytes: Uint8Array;
  readonly #members: readonly Member[];
  readonly #byKey: ReadonlyMap<string, Member>;

  /** Throws `JsonScanError` when `bytes` is not one JSON object. */
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.#members = scanObject(bytes);
    const byKey = new Map<string, Member>();
    for (const member of this.#members) byKey.set(member.key, member);
    this.#byKey = byKey;
  }

  /** Whether `key` is present with a value other than `null`. */
  has(key: string): boolean {
    const member = this.#byKey.get(key);
    return member !== undefined && !this.#isNull(member);
  }

  /** The keys present, `null` values included. */
  keys(): Iterable<string> {
    return this.#byKey.keys();
  }

  /** The range of the value of `key`, or undefined when absent. */
  member(key: string): Member | undefined {
    return this.#byKey.get(key);
  }

  /** The bytes of the value of `key` as they stand, or undefined when absent or `null`. */
  raw(key: string): Uint8Array | undefined {
    const member = this.#byKey.get(key);
    if (member === undefined || this.#isNull(member)) return undefined;
    return this.bytes.subarray(member.start, member.end);
  }

  /**
   * The value of `key`, parsed; undefined when absent or `null`. For values known to be small.
   * Throws `SyntaxError` when a string in it is malformed.
   */
  value(key: string): unknown {
    const raw = this.raw(key);
    return raw === undefined ? undefined : JSON.parse(decodeUtf8(raw));
  }

  /**
   * The object with `edit` applied, as pieces: kept members are views of these bytes, neither
   * parsed nor copied. Members set to undefined stay as they are.
   */
  edited({ remove, set = {} }: ObjectEdit): ByteParts {
    const writer = new ObjectWriter();
    let run: { start: number; end: number } | undefined;
    const flush = (): void => {
      if (run !== undefined) writer.members(this.bytes.subarray(run.start, run.end));
      run = undefined;
    };
    for (const member of this.#members) {
      const { key, keyStart, end } = member;
      if (remove?.has(key) || (Object.hasOwn(set, key) && set[key] !== undefined)) flush();
      else if (run === undefined) run = { start: keyStart, end };
      else run.end = end;
    }
    flush();
    writer.set(set);
    return writer.end();
  }

  #isNull(member: Member): boolean {
    return this.bytes[member.start] === 0x6e;
  }
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
