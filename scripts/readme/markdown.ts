/** What the tables of pages are written with. @module */
import type { Lessons } from "../../lib/fleet/mod.ts";

/** What health learns, in words. */
export const LESSON_WORDS: Readonly<Record<Lessons["engine"], string>> = {
  ok: "heals",
  halfway: "well so far",
  failed: "one failure",
  grave: "shuts at once",
  nothing: "",
};

/** A table as Markdown, ending in a line feed. */
export function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(heads), `|${"---|".repeat(heads.length)}`, ...rows.map(line), ""].join("\n");
}
