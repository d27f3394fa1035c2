/** Text laid out for a terminal. Knows nothing of what it says. @module */

/** Columns that every text for a terminal keeps to. */
export const TERMINAL_WIDTH = 80;

/** Columns in front of every entry. */
const MARGIN = "  ";

/** Columns between a term and its text. */
const GAP = 2;

/** A term and what is said of it. */
export interface Entry {
  /** One line. */
  readonly term: string;
  /** Each begins on a line of its own. */
  readonly texts: readonly string[];
}

/** A space in a text at which no line ends. */
export const NO_BREAK = "\u00a0";

/** `text` in lines of at most `width` columns; a word that is longer has a line of its own. */
export function wrapText(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  for (const word of text.split(/[ \n]+/).filter((part) => part !== "")) {
    const line = lines.at(-1);
    if (line === undefined || line.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = `${line} ${word}`;
  }
  return lines.map((line) => line.replaceAll(NO_BREAK, " "));
}

/** `text` in lines that begin with `indent` and end within the terminal. */
export function paragraph(text: string, indent = ""): string {
  return wrapText(text, TERMINAL_WIDTH - indent.length).map((line) => indent + line).join("\n");
}

/** Columns for the terms of `entries`: those of the longest one that has at most `most`. */
export function termWidth(entries: readonly Entry[], most: number): number {
  const widths = entries.map(({ term }) => term.length).filter((width) => width <= most);
  return widths.length === 0 ? most : Math.max(...widths);
}

/**
 * Entries in two columns, their texts wrapped and aligned.
 *
 * A term of more than `width` columns stands on a line of its own, above its text: it would leave
 * the others' texts no room.
 */
export function entryLines(entries: readonly Entry[], width: number): string {
  const column = MARGIN.length + width + GAP;
  return entries.flatMap(({ term, texts }) => {
    const lines = texts.flatMap((text) => wrapText(text, TERMINAL_WIDTH - column));
    const begin = MARGIN + term;
    const [beside = "", ...below] = term.length > width ? ["", ...lines] : lines;
    const more = below.map((line) => " ".repeat(column) + line);
    return [(begin.padEnd(column) + beside).trimEnd(), ...more];
  }).join("\n");
}
