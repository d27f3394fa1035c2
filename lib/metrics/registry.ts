/** Counters, gauges and histograms under their names, and their exposition text. @module */
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import { type MetricName, METRICS, type MetricSpec } from "./names.ts";

type Labels<Name extends MetricName> = Readonly<
  Record<(typeof METRICS)[Name]["labels"][number], string>
>;

type NamesOf<Kind extends MetricSpec["kind"]> = {
  [Name in MetricName]: (typeof METRICS)[Name]["kind"] extends Kind ? Name : never;
}[MetricName];

/** One app's metrics; apps in one process do not share them. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #counters = new Map<string, Counter>();
  readonly #gauges = new Map<string, Gauge>();
  readonly #histograms = new Map<string, Histogram>();

  constructor() {
    for (const [name, spec] of Object.entries<MetricSpec>(METRICS)) {
      const { help } = spec;
      const base = { name, help, labelNames: [...spec.labels], registers: [this.#registry] };
      if (spec.kind === "counter") this.#counters.set(name, new Counter(base));
      else if (spec.kind === "gauge") this.#gauges.set(name, new Gauge(base));
      else {
        const buckets = [...spec.buckets ?? []];
        this.#histograms.set(name, new Histogram({ ...base, buckets }));
      }
    }
  }

  /** Add one. */
  count<Name extends NamesOf<"counter">>(name: Name, labels: Labels<Name>): void {
    this.#counters.get(name)?.inc(labels);
  }

  /** Add `delta`, which may be negative, to a gauge. */
  add<Name extends NamesOf<"gauge">>(name: Name, labels: Labels<Name>, delta: number): void {
    this.#gauges.get(name)?.inc(labels, delta);
  }

  /** Set a gauge. */
  set<Name extends NamesOf<"gauge">>(name: Name, labels: Labels<Name>, value: number): void {
    this.#gauges.get(name)?.set(labels, value);
  }

  /** Record one value. */
  observe<Name extends NamesOf<"histogram">>(
    name: Name,
    labels: Labels<Name>,
    value: number,
  ): void {
    this.#histograms.get(name)?.observe(labels, value);
  }

  /** Everything in the Prometheus text format. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  /** Content type of `text`. */
  get contentType(): string {
    return this.#registry.contentType;
  }
}
