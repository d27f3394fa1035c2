/**
 * Metrics in the Prometheus text format.
 *
 * Source: https://prometheus.io/docs/instrumenting/exposition_formats/
 * @module
 */
import type { Family, Series } from "./series.ts";

/** The content type of `metricsText`. */
export const TEXT_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** Every family with its help, its kind and its series; an empty line between two. */
export function metricsText(families: Iterable<Family>): string {
  const texts: string[] = [];
  for (const family of families) texts.push(familyText(family));
  return `${texts.join("\n\n")}\n`;
}

function familyText({ name, spec: { kind, help, labels, buckets = [] }, all }: Family): string {
  const lines = [`# HELP ${name} ${escaped(help)}`, `# TYPE ${name} ${kind}`];
  for (const series of all) {
    const pairs = labels.map((label, index) => pair(label, series.labels[index] ?? ""));
    if (series.counts === undefined) lines.push(sample(name, pairs, series.value));
    else histogramLines(lines, name, { pairs, buckets, series });
  }
  return lines.join("\n");
}

/** One histogram: each of its buckets has what the smaller ones have, too. */
function histogramLines(
  lines: string[],
  name: string,
  { pairs, buckets, series: { counts, value } }: {
    readonly pairs: readonly string[];
    readonly buckets: readonly number[];
    readonly series: Series;
  },
): void {
  let count = 0;
  for (const [index, bound] of [...buckets, Infinity].entries()) {
    count += counts?.[index] ?? 0;
    lines.push(sample(`${name}_bucket`, [pair("le", numberText(bound)), ...pairs], count));
  }
  lines.push(sample(`${name}_sum`, pairs, value), sample(`${name}_count`, pairs, count));
}

function sample(name: string, pairs: readonly string[], value: number): string {
  return `${name}${pairs.length === 0 ? "" : `{${pairs.join(",")}}`} ${numberText(value)}`;
}

function pair(label: string, value: string): string {
  return `${label}="${escaped(value).replaceAll('"', '\\"')}"`;
}

function escaped(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}

function numberText(value: number): string {
  if (Number.isFinite(value) || Number.isNaN(value)) return String(value);
  return value < 0 ? "-Inf" : "+Inf";
}
