/** What one run saw, as it is kept and as this folder's README.md shows it. @module */
import type { Row } from "./check.ts";

/** One run. */
export interface LastRun {
  /** ISO 8601 date. */
  readonly date: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly machine: string;
  readonly minutes: number;
  readonly rows: readonly Row[];
}

/** Where the last run is kept that was started with `--save`. */
export const LAST_RUN = new URL("./last_run.json", import.meta.url);

/** The run in Markdown: a table of what all groups share, one of the rest, and the limits. */
export function lastRunMarkdown(run: LastRun): string {
  const { date, versions, machine, minutes, rows } = run;
  const byName = Map.groupBy(rows, ({ name }) => name);
  const most = Math.max(2, ...[...byName.values()].map((all) => all.length));
  const shared = [...byName].filter(([, all]) => all.length === most);
  const others = [...byName].filter(([, all]) => all.length < most).flatMap(([, all]) => all);
  const groups = [...new Set(shared.flatMap(([, all]) => all.map(({ group }) => group)))];
  const counts = [...Map.groupBy(rows, ({ outcome }) => outcome)]
    .map(([outcome, all]) => `${all.length} ${outcome}`).join(", ");
  const names = Object.entries(versions).map(([name, version]) => `${name} ${version}`).join(", ");
  const limits = rows.filter(({ outcome }) => outcome === "limit")
    .map(({ group, name, evidence }) => `- ${group}, ${name}:\n  ${cell(evidence)}.`);
  return [
    `${date}: ${names};`,
    `${machine}; ${minutes} minutes; ${counts}.`,
    "",
    ...table(
      ["the same answer as one engine alone", ...groups],
      shared.map(([name, all]) => [
        name,
        ...groups.map((group) => verdict(all.find((row) => row.group === group))),
      ]),
    ),
    ...table(
      ["with", "what", "seen"],
      others.map(({ group, name, outcome, evidence }) => [
        group,
        name,
        outcome === "ok" ? evidence : `${outcome}: ${evidence}`,
      ]),
    ),
    ...(limits.length === 0 ? [] : ["Limits:", "", ...limits, ""]),
  ].join("\n");
}

/** One cell: what came of it, and by which way where that is not the handoff. */
function verdict(row: Row | undefined): string {
  if (row === undefined) return "";
  if (row.outcome !== "ok") return row.outcome;
  const reason = /direct \((\w+)\)/.exec(row.evidence)?.[1];
  if (reason === undefined) return "ok";
  const part = row.evidence.includes("KV moved") ? "in part " : "";
  return `ok, ${part}direct (\`${reason}\`)`;
}

function table(
  heads: readonly string[],
  rows: readonly (readonly string[])[],
): readonly string[] {
  if (rows.length === 0) return [];
  const line = (cells: readonly string[]): string => `| ${cells.map(cell).join(" | ")} |`;
  return [line(heads), `|${"---|".repeat(heads.length)}`, ...rows.map(line), ""];
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll(/\s+/g, " ");
}
