/** Keys of `pd-router top`, and what they do to the order of the engines. Pure. @module */
import { COLUMNS, type TopOrder } from "./top_screen.ts";

/** What a key asks for. */
export type TopKey = "quit" | "left" | "right" | "up" | "down";

/** Keys by what terminals send for them: the arrows as cursor and as application keys. */
const KEYS: readonly (readonly [sent: string, key: TopKey])[] = [
  ["\x1b[A", "up"],
  ["\x1b[B", "down"],
  ["\x1b[C", "right"],
  ["\x1b[D", "left"],
  ["\x1bOA", "up"],
  ["\x1bOB", "down"],
  ["\x1bOC", "right"],
  ["\x1bOD", "left"],
  ["q", "quit"],
  ["Q", "quit"],
  ["\x03", "quit"],
];

/** The keys in what a terminal has sent; others do nothing. */
export function topKeys(bytes: Uint8Array): readonly TopKey[] {
  const text = String.fromCharCode(...bytes);
  const keys: TopKey[] = [];
  for (let at = 0; at < text.length;) {
    const found = KEYS.find(([sent]) => text.startsWith(sent, at));
    if (found !== undefined) keys.push(found[1]);
    at += found?.[0].length ?? 1;
  }
  return keys;
}

/** The order that `key` makes of `order`. */
export function keyOrder({ column, descending }: TopOrder, key: TopKey): TopOrder {
  switch (key) {
    case "left":
      return { column: (column + COLUMNS.length - 1) % COLUMNS.length, descending };
    case "right":
      return { column: (column + 1) % COLUMNS.length, descending };
    case "up":
      return { column, descending: false };
    case "down":
      return { column, descending: true };
    case "quit":
      return { column, descending };
    default:
      return key satisfies never;
  }
}
