/**
 * Texts of `/metrics` of several processes of this program as one. Reads what `registry.ts` writes, and
 * nothing else: no time stamps, each sample on a line.
 * @module
 */
import { decodeUtf8, encodeUtf8, type Sliced } from "../base/mod.ts";
import { gaugeMerge } from "./merge_rules.ts";

/** Samples by what stands in front of their value: name and labels. */
export type Series = ReadonlyMap<string, number>;

/** Lines to look at in a step: about a millisecond's work. */
const STEP_LINES = 1_024;

/** The metrics of one name. */
interface Family {
  readonly name: string;
  /** `# HELP` and `# TYPE`. */
  readonly head: string[];
  readonly isGauge: boolean;
  /** Each series, and how many processes tell it. */
  readonly series: Map<string, { value: number; count: number }>;
}

/** Puts texts together, one after another. */
export class MetricsMerge {
  readonly #families = new Map<string, Family>();
  /** Help of the family that is to come. */
  #help: string | undefined;
  #family: Family | undefined;

  /** Add all of `text`. */
  *add(text: Uint8Array): Sliced<void> {
    let lines = 0;
    for (const line of decodeUtf8(text).split("\n")) {
      this.#take(line);
      if (++lines % STEP_LINES === 0) yield;
    }
    this.#family = undefined;
  }

  /** Add what a process that has gone told of its counters, or who tells nothing else. */
  addSeries(name: string, series: Series): void {
    const family = this.#families.get(name);
    if (family !== undefined) { for (const [key, value] of series) merge(family, key, value); }
  }

  /** Whether any text that was added has this series. */
  tells(name: string, key: string): boolean {
    return this.#families.get(name)?.series.has(key) === true;
  }

  /** The text of all. */
  *text(): Sliced<Uint8Array> {
    const lines: string[] = [];
    let step = 0;
    for (const { name, head, isGauge, series } of this.#families.values()) {
      lines.push(...head);
      const isMean = isGauge && gaugeMerge(name) === "mean";
      for (const [key, { value, count }] of series) {
        lines.push(`${key} ${shown(isMean ? value / count : value)}`);
        if (++step % STEP_LINES === 0) yield;
      }
      lines.push("");
    }
    return encodeUtf8(lines.join("\n"));
  }

  #take(line: string): void {
    if (line === "") return;
    if (line.startsWith("# HELP ")) {
      this.#help = line;
      this.#family = undefined;
    } else if (line.startsWith("# TYPE ")) {
      const [, , name = "", kind] = line.split(" ");
      const head = this.#help === undefined ? [line] : [this.#help, line];
      const known = this.#families.get(name);
      this.#family = known ?? { name, head, isGauge: kind === "gauge", series: new Map() };
      if (known === undefined) this.#families.set(name, this.#family);
    } else if (this.#family !== undefined) {
      const [key, value] = sampleIn(line);
      merge(this.#family, key, value);
    }
  }
}

/** The counters and histograms of a text by family; gauges end with their process. */
export function* countersIn(text: Uint8Array): Sliced<ReadonlyMap<string, Series>> {
  const counters = new Map<string, Map<string, number>>();
  let family: Map<string, number> | undefined;
  let lines = 0;
  for (const line of decodeUtf8(text).split("\n")) {
    if (line.startsWith("# TYPE ")) {
      const [, , name = "", kind] = line.split(" ");
      family = kind === "gauge" ? undefined : new Map();
      if (family !== undefined) counters.set(name, family);
    } else if (line !== "" && !line.startsWith("#") && family !== undefined) {
      const [key, value] = sampleIn(line);
      family.set(key, value);
    }
    if (++lines % STEP_LINES === 0) yield;
  }
  return counters;
}

function merge({ name, isGauge, series }: Family, key: string, value: number): void {
  const known = series.get(key);
  if (known === undefined) {
    series.set(key, { value, count: 1 });
    return;
  }
  known.count++;
  const how = isGauge ? gaugeMerge(name) : "sum";
  switch (how) {
    case "sum":
    case "mean":
      known.value += value;
      return;
    case "max":
      known.value = Math.max(known.value, value);
      return;
    case "min":
      known.value = Math.min(known.value, value);
      return;
    default:
      return how satisfies never;
  }
}

/** What stands in front of the last blank, and the number behind it. */
function sampleIn(line: string): readonly [key: string, value: number] {
  const at = line.lastIndexOf(" ");
  const text = line.slice(at + 1);
  return [line.slice(0, at), INFINITIES[text] ?? Number(text)];
}

const INFINITIES: Readonly<Record<string, number>> = { "+Inf": Infinity, "-Inf": -Infinity };

function shown(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
}
