/** Tables of what was measured: medians of rounds, and how they compare. Pure. @module */
import { median, sum } from "../figures.ts";
import { figure, tableText } from "../table.ts";
import type { Sample } from "./measure.ts";

/** One column: a figure of each round, of which the median is shown; or of all rounds together. */
export interface Column {
  readonly key: string;
  readonly title: string;
  /** Digits behind the point. */
  readonly digits: number;
}

/** A column that each round has. */
export interface Measure extends Column {
  readonly of: (sample: Sample) => number;
}

/** A column that compares another one with that of a way at the same load. */
export interface Comparison extends Column {
  /** Key of the column compared. */
  readonly of: string;
  /** Name of the way compared with. */
  readonly to: string;
  readonly by: "ratio" | "difference";
}

/** One line. */
export interface Row {
  /** The load. */
  readonly what: string;
  /** The way. */
  readonly way: string;
  /** By keys of columns; null where there is none. */
  readonly figures: Readonly<Record<string, number | null>>;
  /** Requests that failed in all rounds together, and the first reason. */
  readonly failed: number;
  readonly failure: string;
  /** The largest share of the machine that others had in a round. */
  readonly steal: number;
}

/** One section of a run. */
export interface Table {
  readonly section: string;
  readonly title: string;
  readonly columns: readonly Column[];
  readonly rows: readonly Row[];
}

/** The line of one way at one load, without comparisons. */
export function rowOf(
  what: string,
  way: string,
  samples: readonly Sample[],
  measures: readonly Measure[],
): Row {
  return {
    what,
    way,
    figures: Object.fromEntries(
      measures.map(({ key, of }) => [key, orNull(median(samples.map(of)))]),
    ),
    failed: sum(samples.map(({ load }) => load.failed)),
    failure: samples.find(({ load }) => load.failed > 0)?.load.failure ?? "",
    steal: Math.max(0, ...samples.map(({ steal }) => steal)),
  };
}

/** `rows` with what `comparisons` say: each with the way it names, at the same load. */
export function compared(rows: readonly Row[], comparisons: readonly Comparison[]): readonly Row[] {
  return rows.map((row) => {
    const more = comparisons.map(({ key, of, to, by }) => {
      const base = rows.find(({ what, way }) => what === row.what && way === to)?.figures[of];
      const own = row.figures[of];
      if (typeof own !== "number" || typeof base !== "number" || row.way === to) return [key, null];
      return [key, orNull(by === "ratio" ? own / base : own - base)];
    });
    return { ...row, figures: { ...row.figures, ...Object.fromEntries(more) } };
  });
}

/** `table` as plain text, its title above. */
export function tableAsText({ title, columns, rows }: Table): string {
  const text = tableText([
    { title: "", text: ({ what, way }: Row) => `${what}  ${way}` },
    ...columns.map(({ key, title, digits }) => ({
      title,
      text: ({ figures }: Row) => figure(figures[key] ?? NaN, digits),
    })),
    { title: "failed", text: ({ failed }) => String(failed) },
  ], rows);
  const failures = rows.filter(({ failed }) => failed > 0)
    .map(({ what, way, failure }) => `  ${what}, ${way}: ${failure}`);
  return [title, text, ...failures].join("\n");
}

function orNull(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
