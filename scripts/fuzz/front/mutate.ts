/** Inputs made of the corpus: spliced, cut, and with bytes and lines in wrong places. @module */
import type { Random } from "../../../lib/base/mod.ts";
import { GOOD, HOSTILE } from "./corpus.ts";

/** Texts that mean something to one reader or another. */
const WORDS: readonly string[] = [
  " ",
  "\t",
  "\r",
  "\n",
  "\r\n",
  "\r\n\r\n",
  "\r\n ",
  "\0",
  "\x0b",
  "\x0c",
  "\x1f",
  "\x7f",
  "\x80",
  "\xa0",
  "\xff",
  ":",
  ",",
  ";",
  "=",
  '"',
  "\\",
  "#",
  "%",
  "*",
  "+",
  "-",
  "0",
  "1",
  "5",
  "0x",
  "a",
  "chunked",
  "identity",
  "close",
  "keep-alive",
  "content-length: 5\r\n",
  "content-length: 0\r\n",
  "transfer-encoding: chunked\r\n",
  "host: b\r\n",
  "connection: close\r\n",
  "expect: 100-continue\r\n",
  "upgrade: h2c\r\n",
  "HTTP/1.0",
  "HTTP/1.1",
  "GET / HTTP/1.1\r\n",
  "0\r\n\r\n",
  "5\r\nhello\r\n",
  "1;a=b\r\nx\r\n",
];

type Mutation = (text: string, random: Random) => string;

/** A whole number below `limit`. */
function below(random: Random, limit: number): number {
  return Math.floor(random.next() * limit);
}

function pick<T>(random: Random, all: readonly T[], fallback: T): T {
  return all[below(random, all.length)] ?? fallback;
}

function splice(text: string, at: number, remove: number, insert: string): string {
  return text.slice(0, at) + insert + text.slice(at + remove);
}

/** Change the lines of `text`, of which there is at least one. */
function onLines(text: string, change: (lines: string[]) => void): string {
  const lines = text.split("\r\n");
  change(lines);
  return lines.join("\r\n");
}

const MUTATIONS: readonly Mutation[] = [
  (text, random) => splice(text, below(random, text.length + 1), 0, pick(random, WORDS, " ")),
  (text, random) => splice(text, below(random, text.length), 1, pick(random, WORDS, " ")),
  (text, random) => splice(text, below(random, text.length), 1 + below(random, 4), ""),
  (text, random) => {
    const at = below(random, text.length);
    return splice(text, at, 1, String.fromCharCode(text.charCodeAt(at) ^ (1 << below(random, 8))));
  },
  (text, random) =>
    onLines(text, (lines) => {
      const line = pick(random, lines, "");
      lines.splice(below(random, lines.length), 0, line);
    }),
  (text, random) => onLines(text, (lines) => lines.splice(below(random, lines.length), 1)),
  (text, random) =>
    onLines(text, (lines) => {
      const [one, other] = [below(random, lines.length), below(random, lines.length)];
      const line = lines[one] ?? "";
      lines[one] = lines[other] ?? "";
      lines[other] = line;
    }),
  (text, random) =>
    onLines(text, (lines) => {
      const at = below(random, lines.length);
      const line = lines[at] ?? "";
      lines[at] = random.next() < 0.5 ? line.toUpperCase() : line.toLowerCase();
    }),
  (text, random) => {
    const other = seed(random);
    return text.slice(0, below(random, text.length)) + other.slice(below(random, other.length));
  },
  (text, random) => {
    const from = below(random, text.length);
    const part = text.slice(from, from + 1 + below(random, 8));
    return splice(text, from, 0, part.repeat(1 + below(random, 3)));
  },
];

function seed(random: Random): string {
  const corpus = random.next() < 0.5 ? GOOD : HOSTILE;
  return pick(random, corpus, "GET / HTTP/1.1\r\nhost: a\r\n\r\n");
}

/** One input: up to three requests of the corpus, with up to four mutations. */
export function makeInput(random: Random): string {
  let text = "";
  for (let count = 1 + below(random, 2); count >= 0; count--) {
    if (count === 0 || random.next() < 0.4) text += seed(random);
  }
  for (let count = below(random, 5); count > 0 && text !== ""; count--) {
    text = pick(random, MUTATIONS, (same) => same)(text, random);
  }
  return text.slice(0, 4_000);
}
