/**
 * Counters and histograms whose series are held by those who count: what every request adds to is not
 * looked up by its labels each time.
 * @module
 */
import type { MetricSpec } from "./metric_spec.ts";

/** One series of a counter. */
export interface CounterSeries {
  /** Add `by`, which is 0 or more. */
  add(by: number): void;
}

/** One series of a histogram. */
export interface HistogramSeries {
  /** Record one value; what is no number is passed over. */
  observe(value: number): void;
}

type Labels = Readonly<Record<string, string>>;

/** Labels that name engines. */
const ENGINE_LABELS = ["server", "prefill", "decode"] as const;

/** All series of some metrics, as long as they are not forgotten. */
export class SeriesTable {
  readonly #metrics = new Map<
    string,
    { readonly spec: MetricSpec; readonly all: Map<string, Series> }
  >();

  constructor(specs: Readonly<Record<string, MetricSpec>>) {
    for (const [name, spec] of Object.entries(specs)) {
      this.#metrics.set(name, { spec, all: new Map() });
    }
  }

  /** The series of a counter with these labels; begun at 0 where it is not there. */
  counter(name: string, labels: Labels): CounterSeries {
    return this.#of(name, labels);
  }

  /** The same of a histogram. */
  histogram(name: string, labels: Labels): HistogramSeries {
    return this.#of(name, labels);
  }

  /** Tell nothing more of series that name the engine at `url`: what is still added to them is lost. */
  forget(url: string): void {
    for (const { all } of this.#metrics.values()) {
      for (const [key, { labels }] of all) {
        if (ENGINE_LABELS.some((label) => labels[label] === url)) all.delete(key);
      }
    }
  }

  /** Everything in the Prometheus text format. */
  text(): string {
    const lines: string[] = [];
    for (const [name, { spec, all }] of this.#metrics) {
      lines.push(`# HELP ${name} ${spec.help.replace(/\\/g, "\\\\").replace(/\n/g, "\\n")}`);
      lines.push(`# TYPE ${name} ${spec.kind}`);
      for (const series of all.values()) series.tell(name, lines);
    }
    return lines.length === 0 ? "" : `${lines.join("\n")}\n`;
  }

  #of(name: string, labels: Labels): Series {
    const metric = this.#metrics.get(name);
    if (metric === undefined) throw new RangeError(`No metric of the table is named ${name}`);
    const key = metric.spec.labels.map((label) => labels[label] ?? "").join("\0");
    let series = metric.all.get(key);
    if (series === undefined) metric.all.set(key, series = new Series(labels, metric.spec));
    return series;
  }
}

/** Counts of one series; of a counter the sum alone. */
class Series implements CounterSeries, HistogramSeries {
  readonly labels: Labels;
  readonly #bounds: readonly number[] | undefined;
  readonly #counts: Float64Array;
  readonly #text: string;
  #sum = 0;

  constructor(labels: Labels, { kind, buckets = [], labels: names }: MetricSpec) {
    this.labels = labels;
    this.#bounds = kind === "histogram" ? buckets : undefined;
    this.#counts = new Float64Array(buckets.length + 1);
    this.#text = names.map((name) => `${name}="${escaped(labels[name] ?? "")}"`).join(",");
  }

  add(by: number): void {
    this.#sum += by;
  }

  observe(value: number): void {
    if (Number.isNaN(value) || this.#bounds === undefined) return;
    let at = 0;
    while (at < this.#bounds.length && value > (this.#bounds[at] ?? Infinity)) at++;
    this.#counts[at] = (this.#counts[at] ?? 0) + 1;
    this.#sum += value;
  }

  tell(name: string, lines: string[]): void {
    const labels = this.#text;
    const bare = labels === "" ? "" : `{${labels}}`;
    if (this.#bounds === undefined) {
      lines.push(`${name}${bare} ${this.#sum}`);
      return;
    }
    const before = labels === "" ? "" : `${labels},`;
    let count = 0;
    for (let at = 0; at <= this.#bounds.length; at++) {
      count += this.#counts[at] ?? 0;
      lines.push(`${name}_bucket{${before}le="${this.#bounds[at] ?? "+Inf"}"} ${count}`);
    }
    lines.push(`${name}_sum${bare} ${this.#sum}`, `${name}_count${bare} ${count}`);
  }
}

function escaped(value: string): string {
  return value.replace(/\\/g, "\\\\").replace(/"/g, '\\"').replace(/\n/g, "\\n");
}
