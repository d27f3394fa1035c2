/** Protocol Buffers' wire format, as far as spans need it. @module */

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;

const MICROS_PER_MS = 1_000;
const NANOS_PER_MICRO = 1_000;
const WORD = 2 ** 32;

/** Writes messages field by field into one buffer that grows. For one message at a time. */
export class ProtoWriter {
  #bytes = new Uint8Array(4_096);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;
  readonly #encoder = new TextEncoder();

  /** A copy of what has been written; then there is nothing. */
  take(): Uint8Array<ArrayBuffer> {
    const taken = this.#bytes.slice(0, this.#length);
    this.#length = 0;
    return taken;
  }

  /** A whole number from 0 to 2^53. */
  uint(field: number, value: number): void {
    this.#key(field, VARINT);
    this.#varint(value);
  }

  /** A whole number within 53 bits, as `int64` is written: negative ones take ten bytes. */
  int(field: number, value: number): void {
    if (value >= 0) return this.uint(field, value);
    this.#key(field, VARINT);
    let rest = BigInt.asUintN(64, BigInt(value));
    for (; rest > 0x7fn; rest >>= 7n) this.#byte(Number(rest & 0x7fn) | 0x80);
    this.#byte(Number(rest));
  }

  bool(field: number, value: boolean): void {
    this.uint(field, value ? 1 : 0);
  }

  double(field: number, value: number): void {
    this.#key(field, FIXED64);
    this.#room(8);
    this.#view.setFloat64(this.#length, value, true);
    this.#length += 8;
  }

  fixed32(field: number, value: number): void {
    this.#key(field, FIXED32);
    this.#room(4);
    this.#view.setUint32(this.#length, value, true);
    this.#length += 4;
  }

  /** A Unix time in milliseconds as nanoseconds, to the microsecond. */
  nanos(field: number, unixMs: number): void {
    this.#key(field, FIXED64);
    this.#room(8);
    const micros = Math.max(0, Math.round(unixMs * MICROS_PER_MS));
    const low = (micros % WORD) * NANOS_PER_MICRO;
    const high = Math.floor(micros / WORD) * NANOS_PER_MICRO + Math.floor(low / WORD);
    this.#view.setUint32(this.#length, low % WORD, true);
    this.#view.setUint32(this.#length + 4, high, true);
    this.#length += 8;
  }

  /** Bytes that are told by hexadecimal digits. */
  hex(field: number, digits: string): void {
    this.#key(field, BYTES);
    this.#varint(digits.length / 2);
    this.#room(digits.length / 2);
    for (let at = 0; at < digits.length; at += 2) {
      this.#bytes[this.#length++] = parseInt(digits.slice(at, at + 2), 16);
    }
  }

  string(field: number, text: string): void {
    this.message(field, () => {
      // At most three bytes for each UTF-16 unit.
      this.#room(text.length * 3);
      this.#length += this.#encoder.encodeInto(text, this.#bytes.subarray(this.#length)).written;
    });
  }

  bytes(field: number, bytes: Uint8Array): void {
    this.#key(field, BYTES);
    this.#varint(bytes.length);
    this.raw(bytes);
  }

  /** What is written already, fields and all. */
  raw(bytes: Uint8Array): void {
    this.#room(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** A message, or whatever `write` writes, behind its length. */
  message(field: number, write: () => void): void {
    this.#key(field, BYTES);
    // One byte is kept for the length, which is nearly always enough.
    this.#byte(0);
    const start = this.#length;
    write();
    const size = this.#length - start;
    const more = varintLength(size) - 1;
    if (more > 0) {
      this.#room(more);
      this.#bytes.copyWithin(start + more, start, this.#length);
    }
    this.#length = start - 1;
    this.#varint(size);
    this.#length += size;
  }

  #key(field: number, type: number): void {
    this.#varint(field * 8 + type);
  }

  #varint(value: number): void {
    let rest = value;
    for (; rest > 0x7f; rest = Math.floor(rest / 0x80)) this.#byte(rest % 0x80 | 0x80);
    this.#byte(rest);
  }

  #byte(value: number): void {
    this.#room(1);
    this.#bytes[this.#length++] = value;
  }

  #room(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }
}

function varintLength(value: number): number {
  let length = 1;
  for (let rest = value; rest > 0x7f; rest = Math.floor(rest / 0x80)) length++;
  return length;
}
