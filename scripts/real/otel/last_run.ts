/** What one run saw, as it is kept and as a page shows it. @module */
import type { Row } from "../check.ts";

/** One run. */
export interface OtelRun {
  /** ISO 8601 date. */
  readonly date: string;
  readonly collector: string;
  readonly rows: readonly Row[];
}

/** Where the last run is kept that was started with `--save`. */
export const OTEL_RUN = new URL("./last_run.json", import.meta.url);

/** The run in Markdown: a row for each check. */
export function otelMarkdown({ date, collector, rows }: OtelRun): string {
  const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll("\n", " ");
  return [
    "| by | what | seen | |",
    "|---|---|---|---|",
    ...rows.map(({ group, name, outcome, evidence }) =>
      `| ${cell(group)} | ${cell(name)} | ${cell(evidence)} | ${outcome} |`
    ),
    "",
    `${date}, with the collector ${collector}`,
  ].join("\n");
}
