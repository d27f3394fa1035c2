/**
 * Msgpack, value by value, without making anything of what is not asked for: a batch of events is
 * mostly lists of numbers, which go into typed arrays at once. Linear, whatever lengths it announces.
 * @module
 */

/** Bytes that are no msgpack, or end too early. */
export class MsgpackError extends Error {
  override readonly name = "MsgpackError";
}

/** A value is of another kind than is needed; what is behind it can be read all the same. */
export class KindError extends Error {
  override readonly name = "KindError";
}

const TEXT = new TextDecoder();

/** Most values that a string or a name is looked at for, in bytes; longer ones are none of ours. */
const MAX_TEXT_BYTES = 4096;

/** Kinds of values by their first byte, from 0xc0 on; before it they are in the byte itself. */
const NIL = 0xc0;

/** Reads one value after the other. */
export class MsgpackReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  /** Where the next value begins. */
  get at(): number {
    return this.#at;
  }

  /** Go on at `at`, where a value begins. */
  goTo(at: number): void {
    this.#at = at;
  }

  /** How many bytes are left. */
  get left(): number {
    return this.#bytes.length - this.#at;
  }

  /** The bytes from `start` to where it stands. */
  since(start: number): Uint8Array {
    return this.#bytes.subarray(start, this.#at);
  }

  /** Take a nil, if that is next. */
  nil(): boolean {
    if (this.#peek() !== NIL) return false;
    this.#at++;
    return true;
  }

  /** Whether an array is next. */
  isArray(): boolean {
    const first = this.#peek();
    return (first & 0xf0) === 0x90 || first === 0xdc || first === 0xdd;
  }

  /** Whether a string is next. */
  isText(): boolean {
    const first = this.#peek();
    return (first & 0xe0) === 0xa0 || (first >= 0xd9 && first <= 0xdb);
  }

  /** Items of the array that begins here. Each takes a byte, so that there are no more than are left. */
  array(): number {
    return this.#count(0x90, 0xdc, 1);
  }

  /** Entries of the map that begins here. */
  map(): number {
    return this.#count(0x80, 0xde, 2);
  }

  /** A short text. */
  text(): string {
    const bytes = this.textBytes();
    if (bytes.length > MAX_TEXT_BYTES) throw new KindError("a text of many bytes");
    return TEXT.decode(bytes.slice());
  }

  /** The UTF-8 bytes of a text. */
  textBytes(): Uint8Array {
    if (!this.isText()) throw new KindError("not a text");
    const first = this.#byte();
    const size = first < 0xd9 ? first & 0x1f : this.#size(first - 0xd9);
    return this.#take(size);
  }

  /** A whole number from 0 to 2^32 - 1. */
  uint(): number {
    const first = this.#peek();
    if (first <= 0x7f) {
      this.#at++;
      return first;
    }
    if (first === 0xcc || first === 0xcd || first === 0xce) {
      this.#at++;
      return this.#size(first - 0xcc);
    }
    // Signed ones, and of eight bytes, where the number is small all the same.
    const [low, high] = this.#long();
    if (high !== 0) throw new KindError("not a number below 2^32");
    return low;
  }

  /** Put `count` numbers from 0 to 2^31 - 1 into `into`. */
  uints(into: Int32Array): void {
    for (let index = 0; index < into.length; index++) {
      const value = this.uint();
      if (value > 0x7fff_ffff) throw new KindError("not a token id");
      into[index] = value;
    }
  }

  /** The low 64 bits of a whole number, or of bytes in network order, into `into` from `at`: low, high. */
  hash(into: Int32Array, at: number): void {
    const first = this.#peek();
    if (first >= 0xc4 && first <= 0xc6) {
      this.#at++;
      const bytes = this.#take(this.#size(first - 0xc4));
      if (bytes.length === 0) throw new KindError("a hash of no bytes");
      for (const half of [0, 1]) {
        let word = 0;
        for (let place = 0; place < 4; place++) {
          word |= (bytes[bytes.length - 1 - 4 * half - place] ?? 0) << (8 * place);
        }
        into[at + half] = word;
      }
      return;
    }
    const [low, high] = this.#long();
    into[at] = low;
    into[at + 1] = high;
  }

  /** Pass over one value, whatever is in it. */
  skip(): void {
    for (let pending = 1; pending > 0;) pending += this.#skipOne() - 1;
  }

  /** Pass over one value but for those within it; returns how many these are. */
  #skipOne(): number {
    const first = this.#byte();
    if (first <= 0x7f || first >= 0xe0) return 0;
    if (first <= 0x8f) return 2 * (first & 0x0f);
    if (first <= 0x9f) return first & 0x0f;
    if (first <= 0xbf) return this.#skipBytes(first & 0x1f);
    const known = SKIPPED[first - 0xc0];
    if (known === undefined || known === "never") throw new MsgpackError("a byte of no kind");
    if (typeof known === "number") return this.#skipBytes(known);
    const size = this.#size(known.size);
    return known.items > 0 ? known.items * size : this.#skipBytes(size + known.more);
  }

  #skipBytes(count: number): 0 {
    this.#take(count);
    return 0;
  }

  /** Two halves of a whole number, of two's complement where it is negative. */
  #long(): readonly [low: number, high: number] {
    const first = this.#byte();
    const sign = (
      value: number,
    ): readonly [number, number] => [value >>> 0, value < 0 ? 2 ** 32 - 1 : 0];
    if (first <= 0x7f) return [first, 0];
    if (first >= 0xe0) return sign(first - 256);
    const at = this.#at;
    switch (first) {
      case 0xcc:
      case 0xcd:
      case 0xce:
        return [this.#size(first - 0xcc), 0];
      case 0xcf:
      case 0xd3:
        this.#take(8);
        return [this.#view.getUint32(at + 4), this.#view.getUint32(at)];
      case 0xd0:
        this.#take(1);
        return sign(this.#view.getInt8(at));
      case 0xd1:
        this.#take(2);
        return sign(this.#view.getInt16(at));
      case 0xd2:
        this.#take(4);
        return sign(this.#view.getInt32(at));
      default:
        this.#at--;
        throw new KindError("not a whole number");
    }
  }

  #count(fix: number, wide: number, each: number): number {
    const first = this.#peek();
    if ((first & 0xf0) !== fix && first !== wide && first !== wide + 1) {
      throw new KindError(each === 1 ? "not an array" : "not a map");
    }
    this.#at++;
    const count = first < 0xc0 ? first & 0x0f : this.#size(first - wide + 1);
    if (count * each > this.left) throw new MsgpackError("cut short");
    return count;
  }

  /** A number of 1, 2 or 4 bytes. */
  #size(power: number): number {
    const at = this.#at;
    this.#take(1 << power);
    if (power === 0) return this.#view.getUint8(at);
    return power === 1 ? this.#view.getUint16(at) : this.#view.getUint32(at);
  }

  #take(count: number): Uint8Array {
    if (count > this.left) throw new MsgpackError("cut short");
    const from = this.#at;
    this.#at += count;
    return this.#bytes.subarray(from, this.#at);
  }

  #peek(): number {
    const first = this.#bytes[this.#at];
    if (first === undefined) throw new MsgpackError("cut short");
    return first;
  }

  #byte(): number {
    const first = this.#peek();
    this.#at++;
    return first;
  }
}

/** A value with a size before it: 2^`size` bytes of size, `more` bytes of type, or `items` for each. */
interface Sized {
  readonly size: number;
  readonly more: number;
  readonly items: number;
}

function sized(size: number, more = 0, items = 0): Sized {
  return { size, more, items };
}

/** What follows the first bytes from 0xc0 to 0xdf: bytes, or a size. */
const SKIPPED: readonly (number | "never" | Sized)[] = [
  ...[0, "never", 0, 0] as const,
  ...[sized(0), sized(1), sized(2)],
  ...[sized(0, 1), sized(1, 1), sized(2, 1)],
  ...[4, 8],
  ...[1, 2, 4, 8],
  ...[1, 2, 4, 8],
  ...[2, 3, 5, 9, 17],
  ...[sized(0), sized(1), sized(2)],
  ...[sized(1, 0, 1), sized(2, 0, 1)],
  ...[sized(1, 0, 2), sized(2, 0, 2)],
];
