/**
 * JSON in any of the encodings that Python's `json.loads` takes, as UTF-8.
 *
 * Source: Python `json/__init__.py` (`detect_encoding`; decoded with `surrogatepass`).
 * @module
 */
import { RouterError, type Sliced, startsWith, STEP_BYTES } from "../base/mod.ts";

/** Bytes to one code unit, and in which order. */
interface Units {
  readonly bytes: 2 | 4;
  readonly littleEndian: boolean;
  /** Bytes of a byte order mark. */
  readonly mark: number;
}

const mark = (...bytes: readonly number[]): Uint8Array => Uint8Array.from(bytes);

const UTF8_MARK = mark(0xef, 0xbb, 0xbf);

/** In the order in which they are looked for: one mark is the beginning of another. */
const MARKS: readonly (readonly [mark: Uint8Array, bytes: 2 | 4, littleEndian: boolean])[] = [
  [mark(0, 0, 0xfe, 0xff), 4, false],
  [mark(0xff, 0xfe, 0, 0), 4, true],
  [mark(0xfe, 0xff), 2, false],
  [mark(0xff, 0xfe), 2, true],
];

/** The encoding of `bytes`; undefined for UTF-8. */
function unitsOf(bytes: Uint8Array): Units | undefined {
  for (const [each, size, littleEndian] of MARKS) {
    if (startsWith(bytes, each)) return { bytes: size, littleEndian, mark: each.length };
  }
  const [first, second, third, fourth] = bytes;
  const wide = (size: 2 | 4, littleEndian: boolean): Units => ({
    bytes: size,
    littleEndian,
    mark: 0,
  });
  if (bytes.length >= 4) {
    if (first === 0) return wide(second === 0 ? 4 : 2, false);
    if (second === 0) return wide(third === 0 && fourth === 0 ? 4 : 2, true);
  } else if (bytes.length === 2) {
    if (first === 0) return wide(2, false);
    if (second === 0) return wide(2, true);
  }
  return undefined;
}

/**
 * `bytes` as UTF-8 without a byte order mark, in steps; a view of them where they are that already.
 * Half a pair of surrogates, which UTF-8 has no form for, becomes an escape, as it may stand in a JSON
 * string alone. `take` is told how many bytes the text has that is to be made, and may throw.
 * Throws `bad-request` for what is not in the encoding that it seems to be in.
 */
export function* toUtf8(bytes: Uint8Array, take: (bytes: number) => void): Sliced<Uint8Array> {
  const units = unitsOf(bytes);
  if (units === undefined) return startsWith(bytes, UTF8_MARK) ? bytes.subarray(3) : bytes;
  const text = bytes.subarray(units.mark);
  if (text.length % units.bytes !== 0) throw malformed(units);
  const size = new SizeSink();
  yield* transcribing(text, units, size);
  take(size.at);
  const sink = new ByteSink(new Uint8Array(size.at));
  yield* transcribing(text, units, sink);
  return sink.bytes;
}

/** Where UTF-8 goes. */
interface Sink {
  at: number;
  put(byte: number): void;
}

class SizeSink implements Sink {
  at = 0;

  put(_byte: number): void {
    this.at++;
  }
}

class ByteSink implements Sink {
  at = 0;
  readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  put(byte: number): void {
    this.bytes[this.at++] = byte;
  }
}

function* transcribing(text: Uint8Array, units: Units, sink: Sink): Sliced<void> {
  const view = new DataView(text.buffer, text.byteOffset, text.byteLength);
  for (let from = 0; from < text.length;) {
    if (from > 0) yield;
    from = transcribe(view, units, sink, from, Math.min(from + STEP_BYTES, text.length));
  }
}

/** The code units from `from` to about `to`; returns the offset behind them. */
function transcribe(view: DataView, units: Units, sink: Sink, from: number, to: number): number {
  const { bytes, littleEndian } = units;
  let at = from;
  while (at < to) {
    let point = bytes === 2 ? view.getUint16(at, littleEndian) : view.getUint32(at, littleEndian);
    at += bytes;
    if (bytes === 2 && isHigh(point) && at < view.byteLength) {
      const next = view.getUint16(at, littleEndian);
      if (isLow(next)) {
        point = 0x10000 + ((point - 0xd800) << 10) + (next - 0xdc00);
        at += 2;
      }
    }
    if (point > 0x10ffff) throw malformed(units);
    write(sink, point);
  }
  return at;
}

function isHigh(unit: number): boolean {
  return unit >= 0xd800 && unit < 0xdc00;
}

function isLow(unit: number): boolean {
  return unit >= 0xdc00 && unit < 0xe000;
}

function write(sink: Sink, point: number): void {
  if (point < 0x80) {
    sink.put(point);
  } else if (point < 0x800) {
    sink.put(0xc0 | point >> 6);
    sink.put(0x80 | point & 0x3f);
  } else if (isHigh(point) || isLow(point)) {
    for (const char of `\\u${point.toString(16)}`) sink.put(char.charCodeAt(0));
  } else if (point < 0x10000) {
    sink.put(0xe0 | point >> 12);
    sink.put(0x80 | point >> 6 & 0x3f);
    sink.put(0x80 | point & 0x3f);
  } else {
    sink.put(0xf0 | point >> 18);
    sink.put(0x80 | point >> 12 & 0x3f);
    sink.put(0x80 | point >> 6 & 0x3f);
    sink.put(0x80 | point & 0x3f);
  }
}

function malformed({ bytes, littleEndian }: Units): RouterError {
  const name = `UTF-${bytes * 8} (${littleEndian ? "little" : "big"}-endian)`;
  return new RouterError("bad-request", `The request body is not the ${name} that it seems to be`);
}
