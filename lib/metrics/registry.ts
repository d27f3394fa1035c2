/** Counters, gauges and histograms under their names, and their exposition text. @module */
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import { METRICS, type MetricSpec } from "./names.ts";
import { OBSERVED_METRICS, type ObservedMetric } from "./names_observed.ts";
import { STACK_METRICS } from "./names_stack.ts";
import { type CounterSeries, type HistogramSeries, SeriesTable } from "./series_table.ts";

/** Every metric by name. */
const ALL = { ...METRICS, ...STACK_METRICS } as const;

type All = Omit<typeof ALL, ObservedMetric>;

/** Metrics whose series are held by those who count. */
type Held<Kind extends MetricSpec["kind"]> = {
  [Name in ObservedMetric]: typeof OBSERVED_METRICS[Name]["kind"] extends Kind ? Name : never;
}[ObservedMetric];

type HeldLabels<Name extends ObservedMetric> = Readonly<
  Record<typeof OBSERVED_METRICS[Name]["labels"][number], string>
>;

/** The name of a metric that is counted by its labels. */
export type MetricName = keyof All;

type Labels<Name extends MetricName> = Readonly<Record<All[Name]["labels"][number], string>>;

type NamesOf<Kind extends MetricSpec["kind"]> = {
  [Name in MetricName]: All[Name]["kind"] extends Kind ? Name : never;
}[MetricName];

/** Metrics that tell of engines. */
type EngineMetric = {
  [Name in MetricName]: "server" extends All[Name]["labels"][number] ? Name : never;
}[MetricName];

/** Gauges of engines that tell what holds when they are asked. */
export type ReplacedMetric = Extract<NamesOf<"gauge">, EngineMetric & keyof typeof STACK_METRICS>;

/** The same, under what holds as a label. */
type StateMetric = Extract<NamesOf<"gauge">, "pd_router_engine_state">;

/** Gauges of one series. */
type UnlabelledGauge = {
  [Name in NamesOf<"gauge">]: All[Name]["labels"] extends readonly [] ? Name : never;
}[NamesOf<"gauge">];

/** Models under their own names. */
const MAX_MODELS = 1_024;

/** One app's metrics; apps in one process do not share them. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #counters = new Map<string, Counter>();
  readonly #gauges = new Map<string, Gauge>();
  readonly #histograms = new Map<string, Histogram>();
  readonly #byServer = new Map<string, EngineSeries>();
  readonly #models = new Set<string>();
  readonly #held = new SeriesTable(OBSERVED_METRICS);
  /** Series with the labels `prefill` and `decode`. */
  readonly #byPair = new Map<
    string,
    { readonly pair: readonly string[]; readonly remove: () => void }
  >();

  constructor() {
    for (const [name, spec] of Object.entries<MetricSpec>(ALL)) {
      if (name in OBSERVED_METRICS) continue;
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

  /** Add `by`, which is 0 or more. */
  count<Name extends NamesOf<"counter">>(name: Name, labels: Labels<Name>, by = 1): void {
    const counter = this.#counters.get(name);
    counter?.inc(labels, by);
    this.#note(name, counter, labels);
  }

  /** Add `delta`, which may be negative, to a gauge. */
  add<Name extends NamesOf<"gauge">>(name: Name, labels: Labels<Name>, delta: number): void {
    const gauge = this.#gauges.get(name);
    gauge?.inc(labels, delta);
    this.#note(name, gauge, labels);
  }

  /** Set a gauge. */
  set<Name extends NamesOf<"gauge">>(name: Name, labels: Labels<Name>, value: number): void {
    const gauge = this.#gauges.get(name);
    gauge?.set(labels, value);
    this.#note(name, gauge, labels);
  }

  /**
   * Have a gauge tell of these series alone. Of engines only a gauge that is replaced for each text may
   * tell so, as what is replaced is not forgotten with its engine.
   */
  replace<Name extends Exclude<NamesOf<"gauge">, EngineMetric> | ReplacedMetric | StateMetric>(
    name: Name,
    series: Iterable<{ readonly labels: Labels<Name>; readonly value: number }>,
  ): void {
    const gauge = this.#gauges.get(name);
    gauge?.reset();
    for (const { labels, value } of series) gauge?.set(labels, value);
  }

  /** Say nothing of a gauge without labels until it is set again. */
  withdraw(name: UnlabelledGauge): void {
    this.#gauges.get(name)?.remove({});
  }

  /** Record one value. */
  observe<Name extends NamesOf<"histogram">>(
    name: Name,
    labels: Labels<Name>,
    value: number,
  ): void {
    const histogram = this.#histograms.get(name);
    histogram?.observe(labels, value);
    this.#note(name, histogram, labels);
  }

  /** A series of a counter, for one that counts often; lost with the engine that it names. */
  counterOf<Name extends Held<"counter">>(name: Name, labels: HeldLabels<Name>): CounterSeries {
    return this.#held.counter(name, labels);
  }

  /** The same of a histogram. */
  histogramOf<Name extends Held<"histogram">>(
    name: Name,
    labels: HeldLabels<Name>,
  ): HistogramSeries {
    return this.#held.histogram(name, labels);
  }

  /** Drop one series of an engine; where it is not there, nothing happens. */
  drop<Name extends EngineMetric>(name: Name, labels: Labels<Name>): void {
    const known: Readonly<Record<string, string>> = labels;
    const series = this.#byServer.get(known["server"] ?? "");
    const key = keyOf(name, labels);
    series?.removals.get(key)?.();
    series?.removals.delete(key);
    if (series !== undefined) series.noted = new WeakMap();
  }

  /**
   * Drop every series whose label `server` is `server`, or of a pair that it is one of: of an engine
   * that has gone nothing is told.
   */
  forgetServer(server: string): void {
    const series = this.#byServer.get(server);
    this.#byServer.delete(server);
    for (const remove of series?.removals.values() ?? []) remove();
    this.#held.forget(server);
    for (const [key, { pair, remove }] of this.#byPair) {
      if (!pair.includes(server)) continue;
      this.#byPair.delete(key);
      remove();
    }
  }

  /** Whether there is any series of `server`: of one that was forgotten nothing is to be told again. */
  tells(server: string): boolean {
    return this.#byServer.has(server);
  }

  /** `model` as a label: those beyond the first 1,024 that come are told as one, `many`. */
  modelLabel(model: string): string {
    if (this.#models.size < MAX_MODELS) this.#models.add(model);
    return this.#models.has(model) ? model : "many";
  }

  /** Everything in the Prometheus text format. */
  async text(): Promise<string> {
    return await this.#registry.metrics() + this.#held.text();
  }

  /** Content type of `text`. */
  get contentType(): string {
    return this.#registry.contentType;
  }

  /** Remember a series that names an engine, so that it can be dropped with the engine. */
  #note(
    name: string,
    metric: { remove(labels: Readonly<Record<string, string>>): void } | undefined,
    labels: Readonly<Record<string, string>>,
  ): void {
    const { server, prefill, decode } = labels;
    if (metric === undefined) return;
    if (prefill !== undefined && decode !== undefined) {
      const pair = [prefill, decode];
      this.#byPair.set(keyOf(name, labels), { pair, remove: () => metric.remove(labels) });
    }
    if (server === undefined) return;
    let series = this.#byServer.get(server);
    if (series === undefined) {
      this.#byServer.set(server, series = { removals: new Map(), noted: new WeakMap() });
    }
    if (series.noted.get(labels) === name) return;
    series.noted.set(labels, name);
    const key = keyOf(name, labels);
    if (!series.removals.has(key)) series.removals.set(key, () => metric.remove(labels));
  }
}

/** The series that name one engine. */
interface EngineSeries {
  /** What removes each, by its name and labels. */
  readonly removals: Map<string, () => void>;
  /** The metric that each object of labels was last met with: hot paths keep theirs. */
  noted: WeakMap<Readonly<Record<string, string>>, string>;
}

/** What tells one series from another. */
function keyOf(name: string, labels: Readonly<Record<string, string>>): string {
  return `${name} ${Object.values(labels).join(" ")}`;
}
