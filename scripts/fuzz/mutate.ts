/** Inputs made of a corpus: spliced, cut, grown, and with bytes and lines in wrong places. @module */
import type { Random } from "../../lib/base/mod.ts";
import { below, oneIn, pick } from "./chance.ts";

/** What inputs are made of; texts have one character for each byte. */
export interface Corpus {
  /** Inputs to begin with, good and bad ones. */
  readonly seeds: readonly string[];
  /** Texts that mean something to one reader or another. */
  readonly words: readonly string[];
  /**
   * What ends a line.
   * @default "\n"
   */
  readonly lineEnd?: string;
  /**
   * Most bytes of an input.
   * @default 4,000
   */
  readonly maxBytes?: number;
  /**
   * Most bytes of an input of which a part is repeated very often: what takes more than linear time
   * shows there.
   * @default 65,536
   */
  readonly maxGrownBytes?: number;
}

/** One input in so many is grown. */
const GROWN_ONE_IN = 50;

/** Bytes that break something in nearly every format. */
const ODD_BYTES = ["\0", "\n", "\r", "\t", " ", '"', "\\", "\x7f", "\x80", "\xc3", "\xff"] as const;

type Mutation = (text: string, random: Random, corpus: Corpus) => string;

function splice(text: string, at: number, remove: number, insert: string): string {
  return text.slice(0, at) + insert + text.slice(at + remove);
}

function word(random: Random, { words }: Corpus): string {
  return random.next() < 0.2 ? pick(random, ODD_BYTES, " ") : pick(random, words, " ");
}

function anyBytes(random: Random, count: number): string {
  return String.fromCharCode(...Array.from({ length: count }, () => below(random, 256)));
}

/** Change the lines of `text`, of which there is at least one. */
function onLines(
  text: string,
  { lineEnd = "\n" }: Corpus,
  change: (lines: string[]) => void,
): string {
  const lines = text.split(lineEnd);
  change(lines);
  return lines.join(lineEnd);
}

const MUTATIONS: readonly Mutation[] = [
  (text, random, corpus) => splice(text, below(random, text.length + 1), 0, word(random, corpus)),
  (text, random, corpus) => splice(text, below(random, text.length), 1, word(random, corpus)),
  (text, random) => splice(text, below(random, text.length), 1 + below(random, 4), ""),
  (text, random) => {
    const at = below(random, text.length);
    return splice(text, at, 1, String.fromCharCode(text.charCodeAt(at) ^ (1 << below(random, 8))));
  },
  (text, random) =>
    splice(text, below(random, text.length + 1), 0, anyBytes(random, 1 + below(random, 4))),
  (text, random, corpus) =>
    onLines(text, corpus, (lines) => {
      const line = pick(random, lines, "");
      lines.splice(below(random, lines.length), 0, line);
    }),
  (text, random, corpus) =>
    onLines(text, corpus, (lines) => lines.splice(below(random, lines.length), 1)),
  (text, random, corpus) =>
    onLines(text, corpus, (lines) => {
      const [one, other] = [below(random, lines.length), below(random, lines.length)];
      const line = lines[one] ?? "";
      lines[one] = lines[other] ?? "";
      lines[other] = line;
    }),
  (text, random, corpus) =>
    onLines(text, corpus, (lines) => {
      const at = below(random, lines.length);
      const line = lines[at] ?? "";
      lines[at] = random.next() < 0.5 ? line.toUpperCase() : line.toLowerCase();
    }),
  (text, random, corpus) => {
    const other = pick(random, corpus.seeds, "");
    return text.slice(0, below(random, text.length + 1)) +
      other.slice(below(random, other.length + 1));
  },
  (text, random) => {
    const from = below(random, text.length);
    const part = text.slice(from, from + 1 + below(random, 8));
    return splice(text, from, 0, part.repeat(1 + below(random, 3)));
  },
  (text, random) => text.slice(0, below(random, text.length + 1)),
];

/** `text` with some part of it, or a word, repeated until it has about the most bytes it may have. */
function grown(text: string, random: Random, corpus: Corpus): string {
  const from = below(random, text.length + 1);
  const part = random.next() < 0.5
    ? text.slice(from, from + 1 + below(random, 24))
    : word(random, corpus);
  const most = corpus.maxGrownBytes ?? 65_536;
  const size = Math.floor(most * (0.1 + 0.9 * random.next()));
  const times = Math.floor(Math.max(0, size - text.length) / Math.max(1, part.length));
  return splice(text, from, 0, part.repeat(times));
}

/** One input: up to three of the corpus' seeds, with up to four mutations. */
export function makeInput(random: Random, corpus: Corpus): string {
  let text = pick(random, corpus.seeds, "");
  while (random.next() < 0.15) text += pick(random, corpus.seeds, "");
  for (let count = below(random, 5); count > 0; count--) {
    // Bytes can be put into an empty text, and no more be done to it.
    const mutation = text === "" ? MUTATIONS[0] : pick(random, MUTATIONS, (same) => same);
    text = mutation?.(text, random, corpus) ?? text;
  }
  text = text.slice(0, corpus.maxBytes ?? 4_000);
  return oneIn(random, GROWN_ONE_IN) ? grown(text, random, corpus) : text;
}
