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

const OPEN = encodeUtf8("{");
const COMMA = encodeUtf8(",");
const CLOSE = encodeUtf8("}");

/** An immutable view of a JSON object's bytes. Of duplicate keys the last counts, as in Python. */
export class JsonObject {
  readonly bytes: Uint8Array;
  readonly #members: readonly Member[];
  readonly #byKey: ReadonlyMap<string, Member>;

  /** Throws `JsonScanError` when `bytes` is not one JSON object. */
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.#members = scanObject(bytes);
    this.#byKey = new Map(this.#members.map((member) => [member.key, member]));
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
  edited(edit: ObjectEdit): ByteParts {
    const set = Object.entries(edit.set ?? {}).filter(([, value]) => value !== undefined);
    const gone = new Set([...edit.remove ?? [], ...set.map(([key]) => key)]);
    const parts: Uint8Array[] = [OPEN];
    const separate = (): void => {
      if (parts.length > 1) parts.push(COMMA);
    };
    let run: { start: number; end: number } | undefined;
    const flush = (): void => {
      if (run === undefined) return;
      separate();
      parts.push(this.bytes.subarray(run.start, run.end));
      run = undefined;
    };
    for (const member of this.#members) {
      if (gone.has(member.key)) flush();
      else if (run === undefined) run = { start: member.keyStart, end: member.end };
      else run.end = member.end;
    }
    flush();
    for (const [key, value] of set) {
      separate();
      parts.push(encodeUtf8(`${JSON.stringify(key)}:`), ...rawParts(value ?? "null"));
    }
    parts.push(CLOSE);
    return parts;
  }

  #isNull(member: Member): boolean {
    return this.bytes[member.start] === 0x6e;
  }
}

function rawParts(value: RawJson): ByteParts {
  if (typeof value === "string") return [encodeUtf8(value)];
  return value instanceof Uint8Array ? [value] : value;
}

/** Raw JSON of an object made of raw members; undefined ones are left out. */
export function objectOf(members: Readonly<Record<string, RawJson | undefined>>): ByteParts {
  return new JsonObject(encodeUtf8("{}")).edited({ set: members });
}
