import {
  type Entry,
  entryLines,
  NO_BREAK,
  paragraph,
  TERMINAL_WIDTH,
  termWidth,
  wrapText,
} from "../../lib/cli/columns.ts";
import { assert, assertEquals } from "../support/assert.ts";

Deno.test("wrapText() fills lines, and breaks no word", () => {
  assertEquals(wrapText("one two  three\nfour", 9), ["one two", "three", "four"]);
  assertEquals(wrapText("one two", 7), ["one two"]);
  assertEquals(wrapText("a longerthanthat b", 5), ["a", "longerthanthat", "b"]);
  assertEquals(wrapText(" ", 5), []);
});

Deno.test("wrapText() ends no line at a space that does not break", () => {
  assertEquals(wrapText(`a b${NO_BREAK}c`, 4), ["a", "b c"]);
});

Deno.test("paragraph() begins each line with the indent, within the terminal", () => {
  const words = Array.from({ length: 60 }, (_, index) => `word${index}`).join(" ");
  const lines = paragraph(words, "   ").split("\n");
  assert(lines.length > 5);
  for (const line of lines) assert(/^ {3}word/.test(line) && line.length <= TERMINAL_WIDTH, line);
  assertEquals(lines.map((line) => line.trim()).join(" "), words);
});

const ENTRIES: readonly Entry[] = [
  { term: "a", texts: ["first", "second"] },
  { term: "bcd", texts: [`${"x".repeat(60)} ${"y".repeat(20)}`] },
  { term: "efghij", texts: ["third"] },
  { term: "kl", texts: [] },
];

Deno.test("entryLines() aligns texts, each from a line of its own", () => {
  assertEquals(entryLines(ENTRIES, 3).split("\n"), [
    "  a    first",
    "       second",
    `  bcd  ${"x".repeat(60)}`,
    `       ${"y".repeat(20)}`,
    "  efghij",
    "       third",
    "  kl",
  ]);
});

Deno.test("termWidth() is that of the longest term that is not too long", () => {
  assertEquals(termWidth(ENTRIES, 5), 3);
  assertEquals(termWidth(ENTRIES, 6), 6);
  assertEquals(termWidth([{ term: "efghij", texts: [] }], 4), 4);
});
