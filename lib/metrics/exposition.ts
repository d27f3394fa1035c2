/**
 * Reads the Prometheus text format: of a text of any size, and whatever is in it, the samples of a few
 * names. What is no sample is passed over.
 * @module
 */
import { atOnce, concatBytes, decodeUtf8, encodeUtf8, LF, type Sliced } from "../base/mod.ts";

/** All samples of one name in a text, whatever their labels are. */
export interface SampleSum {
  /** Over all series: of an engine's ranks, and of the models that it tells apart. */
  readonly sum: number;
  /** How many there are, at least 1. */
  readonly count: number;
  /** Of the last of them, as they stand in the text; kept of names that end in `_info` alone. */
  readonly labels?: string;
}

/** Samples by name; a name that is not told, or with numbers alone that are none, is not there. */
export type Samples = ReadonlyMap<string, SampleSum>;

/** Longest line that is read, in bytes; longer ones are passed over. */
const MAX_LINE_BYTES = 16 * 1024;

/** Bytes to look at in a step: lines that are not wanted cost little. */
const STEP_BYTES = 64 * 1024;

/** Decimal numbers, as Go and Python write them; there is no other use for NaN and the infinities. */
const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;

/** Takes a text in any pieces; keeps an unfinished line of it, and the sums. */
export class SampleReader {
  readonly #names: ReadonlySet<string>;
  /** What lines begin with that may tell of them: most others are told apart by a byte. */
  readonly #prefixes: readonly Uint8Array[];
  readonly #found = new Map<string, SampleSum>();
  #line: Uint8Array = new Uint8Array(0);
  /** The line that has begun is too long. */
  #passing = false;

  /** `names` as they stand in the text: of a counter with its `_total`, where it has one. */
  constructor(names: Iterable<string>) {
    this.#names = new Set(names);
    const alike = Map.groupBy(this.#names, (name) => name.slice(0, 1));
    this.#prefixes = [...alike.values()].map((some) => encodeUtf8(commonPrefix(some)));
  }

  /** Take the next bytes, which are not looked at after the work has ended. */
  *push(bytes: Uint8Array): Sliced<void> {
    let rest = 0;
    for (let at = 0; at < bytes.length;) {
      const end = bytes.indexOf(LF, at);
      if (end < 0) return this.#keep(bytes.subarray(at));
      this.#endLine(bytes.subarray(at, end));
      at = end + 1;
      if (at - rest < STEP_BYTES) continue;
      rest = at;
      yield;
    }
  }

  /** The text has ended: what it has told. */
  end(): Samples {
    this.#endLine(new Uint8Array(0));
    return this.#found;
  }

  #keep(begun: Uint8Array): void {
    if (this.#line.length + begun.length > MAX_LINE_BYTES) this.#passing = true;
    this.#line = this.#passing ? new Uint8Array(0) : concatBytes([this.#line, begun]);
  }

  #endLine(rest: Uint8Array): void {
    const line = this.#line.length === 0 ? rest : concatBytes([this.#line, rest]);
    if (!this.#passing && line.length <= MAX_LINE_BYTES) this.#take(line);
    this.#line = new Uint8Array(0);
    this.#passing = false;
  }

  #take(line: Uint8Array): void {
    if (!this.#prefixes.some((prefix) => beginsWith(line, prefix))) return;
    const text = decodeUtf8(line);
    const name = /^[^{\s]*/.exec(text)?.[0] ?? "";
    if (!this.#names.has(name)) return;
    const value = valueBehind(text, name.length);
    if (value === undefined) return;
    const { sum, count } = this.#found.get(name) ?? { sum: 0, count: 0 };
    // What is no number any more would make all of it none.
    if (Number.isFinite(sum + value)) {
      const end = name.endsWith("_info") ? endOfLabels(text, name.length + 1) : undefined;
      this.#found.set(name, {
        sum: sum + value,
        count: count + 1,
        ...(end === undefined ? {} : { labels: text.slice(name.length + 1, end - 1) }),
      });
    }
  }
}

/** The samples of `names` in a text that is at hand as a whole: for what is known to be small. */
export function samplesOf(text: Uint8Array, names: Iterable<string>): Samples {
  const reader = new SampleReader(names);
  atOnce(reader.push(text));
  return reader.end();
}

/** The value of a label in `labels`, as they stand in a text; undefined where there is none. */
export function labelIn(labels: string, name: string): string | undefined {
  for (const [, label, value = ""] of labels.matchAll(LABEL)) {
    if (label === name) return value.replace(/\\(.)/g, (_, char) => char === "n" ? "\n" : char);
  }
  return undefined;
}

const LABEL = /([a-zA-Z_][\w]*)="((?:[^"\\]|\\.)*)"/g;

function beginsWith(line: Uint8Array, prefix: Uint8Array): boolean {
  for (let at = 0; at < prefix.length; at++) if (line[at] !== prefix[at]) return false;
  return true;
}

/** The value that stands behind a name that ends at `at`; undefined where there is none. */
function valueBehind(text: string, at: number): number | undefined {
  const end = text[at] === "{" ? endOfLabels(text, at + 1) : at;
  if (end === undefined) return undefined;
  const [value = ""] = text.slice(end).trim().split(/\s/, 1);
  const number = NUMBER.test(value) ? Number(value) : NaN;
  return Number.isFinite(number) ? number : undefined;
}

/** Where labels end that begin at `from`: a brace in a value is none. */
function endOfLabels(text: string, from: number): number | undefined {
  let quoted = false;
  for (let at = from; at < text.length; at++) {
    const char = text[at];
    if (quoted && char === "\\") at++;
    else if (char === '"') quoted = !quoted;
    else if (char === "}" && !quoted) return at + 1;
  }
  return undefined;
}

function commonPrefix(names: readonly string[]): string {
  const [first = "", ...others] = names;
  let length = first.length;
  for (const other of others) {
    while (!other.startsWith(first.slice(0, length))) length--;
  }
  return first.slice(0, length);
}
