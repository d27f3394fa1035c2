/** The tables of flags and of metrics, in full and for a terminal. @module */
import { envName, FLAG_GROUPS } from "../config/mod.ts";
import { METRICS, type MetricSpec, STACK_METRICS } from "../metrics/mod.ts";
import { type Entry, entryLines, paragraph } from "./columns.ts";
import { environmentOnly, flagEntry, helpOf } from "./help.ts";

/** Columns for the flags: the names of variables are long. */
const FLAG_WIDTH = 22;

const FLAGS_INTRO = "Every flag, what it does, and the environment variable that stands for it. " +
  "Its key in the configuration file is its name with underscores: nixl_proxy_host for " +
  "--nixl-proxy-host.";

/** Every flag with its meaning, its default and its variable, in groups. */
export function flagTable(): string {
  const groups = FLAG_GROUPS.map(({ title, flags }) => {
    const entries = flags.map((flag): Entry => {
      const { term, texts } = flagEntry(helpOf(flag));
      return { term, texts: [...texts, envName(flag.name)] };
    });
    return `${title}:\n${entryLines(entries, FLAG_WIDTH)}`;
  });
  return [paragraph(FLAGS_INTRO), ...groups, `Environment only:\n${environmentOnly()}`]
    .join("\n\n");
}

const METRICS_INTRO = "What GET /metrics tells, in the Prometheus text format. A histogram has " +
  "_bucket, _sum and _count behind its name.";

/** Every metric with its kind, its labels and its meaning. */
export function metricTable(): string {
  const rows = Object.entries<MetricSpec>({ ...METRICS, ...STACK_METRICS }).map((
    [name, { kind, labels, help }],
  ) => ({
    cells: [name, kind, labels.join(", ")],
    help,
  }));
  const heads = ["name", "kind", "labels"];
  const widths = heads.map((head, column) =>
    Math.max(head.length, ...rows.map(({ cells }) => cells[column]?.length ?? 0))
  );
  const line = (cells: readonly string[]): string =>
    `  ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ")}`.trimEnd();
  return [
    paragraph(METRICS_INTRO),
    "",
    line(heads),
    ...rows.flatMap(({ cells, help }) => [line(cells), paragraph(help, "      ")]),
  ].join("\n");
}
