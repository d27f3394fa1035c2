/** A whole run, as it is kept and as README shows it. @module */
import { figure } from "../table.ts";
import type { Row, Table } from "./rows.ts";

/** What was measured, where and when. */
export interface Run {
  /** ISO date. */
  readonly date: string;
  readonly machine: string;
  /** Rounds whose medians are shown. */
  readonly rounds: number;
  /** Programs by name; or why one is missing. */
  readonly versions: Readonly<Record<string, string>>;
  readonly tables: readonly Table[];
}

/** Where the run is kept that README shows. */
export const LAST_RUN: URL = new URL("./last_run.json", import.meta.url);

/** `run` in Markdown: what was measured, and a table for each section. */
export function runMarkdown({ date, machine, rounds, versions, tables }: Run): string {
  if (tables.length === 0) return "No run is kept here.\n";
  const programs = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  const about = `${date.slice(0, 10)}; ${machine};\nmedians of ${rounds}; ${programs.join(", ")}.`;
  return `${[about, ...tables.map(tableMarkdown)].join("\n\n")}\n`;
}

function tableMarkdown({ title, columns, rows }: Table): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  const failed = rows.some((row) => row.failed > 0);
  return [
    `**${title}**`,
    "",
    line(["", "", ...columns.map((column) => column.title), ...(failed ? ["failed"] : [])]),
    `|---|---|${"---|".repeat(columns.length + (failed ? 1 : 0))}`,
    ...rows.map((row, index) =>
      line([
        rows[index - 1]?.what === row.what ? "" : row.what,
        row.way,
        ...columns.map(({ key, digits }) => figure(row.figures[key] ?? NaN, digits)),
        ...(failed ? [failedText(row)] : []),
      ])
    ),
  ].join("\n");
}

function failedText({ failed }: Row): string {
  return failed === 0 ? "" : String(failed);
}
