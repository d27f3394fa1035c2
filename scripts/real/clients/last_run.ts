/** What one run saw, as it is kept and as a page shows it. @module */
import { type Check, CHECKS, type Seen } from "./checks.ts";

/** One client of a run. */
export interface ClientRun {
  readonly name: string;
  /** How it calls itself; undefined where it was not there. */
  readonly version?: string;
  readonly rows: readonly Seen[];
}

/** One run. */
export interface ClientsRun {
  /** ISO 8601 date. */
  readonly date: string;
  readonly clients: readonly ClientRun[];
}

/** Where the last run is kept that was started with `--save`. */
export const CLIENTS_RUN = new URL("./last_run.json", import.meta.url);

/** The run in Markdown: a row for each check, a column for each client. */
export function clientsMarkdown({ date, clients }: ClientsRun): string {
  const ran = clients.filter(({ version }) => version !== undefined);
  const names = Object.keys(CHECKS).filter((name): name is Check => name in CHECKS);
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [
    line(["", ...ran.map(({ name }) => name)]),
    `|${"---|".repeat(ran.length + 1)}`,
    ...names.map((name) =>
      line([
        CHECKS[name],
        ...ran.map(({ rows }) => verdict(rows.find((row) => row.check === name))),
      ])
    ),
    "",
    `${date}, with`,
    "",
    ...ran.map(({ name, version }) => `- ${name}: ${version}`),
  ].join("\n");
}

/** Empty for what a client cannot do. */
function verdict(seen: Seen | undefined): string {
  if (seen === undefined) return "";
  return seen.ok ? "yes" : `**no**: ${seen.seen.replaceAll("|", "\\|")}`;
}
