/** The series of one metric, found by their labels without a text being made of these. @module */
import type { MetricSpec } from "./metric_spec.ts";

/** Labels by name. */
export type AnyLabels = Readonly<Record<string, string>>;

/** One series. */
export class Series {
  /** Values of the labels, in the order of the metric's. */
  readonly labels: readonly string[];
  /** Of a counter or a gauge; of a histogram the sum of what was observed. */
  value = 0;
  /** Of a histogram: what fell into each bucket alone, the last one without an upper bound. */
  readonly counts: Float64Array | undefined;
  /** It is remembered with its engines, to go with them. */
  noted = false;

  /** `buckets` of a histogram; undefined for other metrics. */
  constructor(labels: readonly string[], buckets: readonly number[] | undefined) {
    this.labels = labels;
    this.counts = buckets && new Float64Array(buckets.length + 1);
  }
}

/** By the value of one label, what there is under it: the next label's, or at last a series. */
type Branch = Map<string, Branch | Series>;

/** One metric with its series. A metric without labels has its one series from the beginning. */
export class Family {
  readonly name: string;
  readonly spec: MetricSpec;
  readonly #all = new Set<Series>();
  readonly #root: Branch = new Map();
  readonly #buckets: readonly number[] | undefined;
  /** Of a metric without labels. */
  #only: Series | undefined;

  constructor(name: string, spec: MetricSpec) {
    this.name = name;
    this.spec = spec;
    this.#buckets = spec.kind === "histogram" ? spec.buckets ?? [] : undefined;
    if (spec.labels.length === 0) this.at({});
  }

  /** All series, in the order in which they came. */
  get all(): Iterable<Series> {
    return this.#all;
  }

  /** The series of `labels`, made where there is none. */
  at(labels: AnyLabels): Series {
    const names = this.spec.labels;
    const last = names.length - 1;
    if (last < 0) return this.#only ??= this.#made([]);
    let branch = this.#root;
    for (let index = 0; index < last; index++) {
      const value = labels[names[index] ?? ""] ?? "";
      let next = branch.get(value);
      if (!(next instanceof Map)) branch.set(value, next = new Map());
      branch = next;
    }
    const value = labels[names[last] ?? ""] ?? "";
    const known = branch.get(value);
    if (known instanceof Series) return known;
    const series = this.#made(names.map((name) => labels[name] ?? ""));
    branch.set(value, series);
    return series;
  }

  /** Put `value` into the bucket that it belongs to. */
  observe(series: Series, value: number): void {
    const { counts } = series;
    const buckets = this.#buckets;
    if (counts === undefined || buckets === undefined) return;
    let index = 0;
    while (index < buckets.length && value > (buckets[index] ?? 0)) index++;
    counts[index] = (counts[index] ?? 0) + 1;
    series.value += value;
  }

  /** Nothing more is told of `series`; of one that has gone already this says nothing. */
  remove(series: Series): void {
    if (!this.#all.delete(series)) return;
    this.#only = undefined;
    prune(this.#root, series.labels, 0);
  }

  /** Nothing is told; of a metric without labels, 0. */
  reset(): void {
    this.#all.clear();
    this.#root.clear();
    this.#only = undefined;
    if (this.spec.labels.length === 0) this.at({});
  }

  #made(labels: readonly string[]): Series {
    const series = new Series(labels, this.#buckets);
    this.#all.add(series);
    return series;
  }
}

/** Take what stands under `labels` away, and the branches that nothing is left of. */
function prune(branch: Branch, labels: readonly string[], depth: number): void {
  const value = labels[depth];
  if (value === undefined) return;
  const next = branch.get(value);
  if (next instanceof Map) {
    prune(next, labels, depth + 1);
    if (next.size > 0) return;
  }
  branch.delete(value);
}
