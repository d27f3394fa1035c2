/** Tables of plain text. @module */

/** One column: its title, and what a row shows in it. */
export interface Column<Row> {
  readonly title: string;
  readonly text: (row: Row) => string;
}

/** `rows` under `columns`; the first column is aligned left, the others right. */
export function tableText<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
): string {
  const cells = [
    columns.map(({ title }) => title),
    ...rows.map((row) => columns.map(({ text }) => text(row))),
  ];
  const widths = columns.map((_, index) =>
    Math.max(...cells.map((line) => line[index]?.length ?? 0))
  );
  return cells.map((line) =>
    line.map((cell, index) => {
      const width = widths[index] ?? 0;
      return index === 0 ? cell.padEnd(width) : cell.padStart(width);
    }).join("  ").trimEnd()
  ).join("\n");
}

/** A figure with `digits` behind the point; a dash for none. */
export function figure(value: number, digits: number): string {
  return Number.isFinite(value) ? value.toFixed(digits) : "-";
}
