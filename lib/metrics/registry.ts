/** Counters, gauges and histograms under their names, and their exposition text. @module */
import { METRICS, type MetricSpec } from "./names.ts";
import { STACK_METRICS } from "./names_stack.ts";
import { type AnyLabels, Family, type Series } from "./series.ts";
import { metricsText, TEXT_CONTENT_TYPE } from "./text.ts";

/** Every metric by name. */
const ALL = { ...METRICS, ...STACK_METRICS } as const;

type All = typeof ALL;

/** The name of a metric. */
export type MetricName = keyof All;

type Labels<Name extends MetricName> = Readonly<Record<All[Name]["labels"][number], string>>;

type NamesOf<Kind extends MetricSpec["kind"]> = {
  [Name in MetricName]: All[Name]["kind"] extends Kind ? Name : never;
}[MetricName];

/** The name of a gauge. */
export type GaugeName = NamesOf<"gauge">;

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

/** Models under their own names. */
const MAX_MODELS = 1_024;

/**
 * One app's metrics; apps in one process do not share them. Several of them are counted for every
 * request: finding a series takes neither a text of its labels nor an object.
 */
export class Metrics {
  readonly #families = new Map<string, Family>();
  /** Series that name an engine, so that they can be dropped with it. */
  readonly #byServer = new Map<string, Set<NotedSeries>>();
  readonly #models = new Set<string>();
  /** Series with the labels `prefill` and `decode`. */
  readonly #byPair = new Set<NotedPair>();

  constructor() {
    for (const [name, spec] of Object.entries<MetricSpec>(ALL)) {
      this.#families.set(name, new Family(name, spec));
    }
  }

  /** Add `by`, which is 0 or more. */
  count<Name extends NamesOf<"counter">>(name: Name, labels: Labels<Name>, by = 1): void {
    this.#at(name, labels).value += by;
  }

  /** Add `delta`, which may be negative, to a gauge. */
  add<Name extends NamesOf<"gauge">>(name: Name, labels: Labels<Name>, delta: number): void {
    this.#at(name, labels).value += delta;
  }

  /** Set a gauge. */
  set<Name extends NamesOf<"gauge">>(name: Name, labels: Labels<Name>, value: number): void {
    this.#at(name, labels).value = value;
  }

  /**
   * Have a gauge tell of these series alone. Of engines only a gauge that is replaced for each text may
   * tell so, as what is replaced is not forgotten with its engine.
   */
  replace<Name extends Exclude<NamesOf<"gauge">, EngineMetric> | ReplacedMetric | StateMetric>(
    name: Name,
    series: Iterable<{ readonly labels: Labels<Name>; readonly value: number }>,
  ): void {
    const family = this.#family(name);
    family.reset();
    for (const { labels, value } of series) family.at(labels).value = value;
  }

  /** Say nothing of a gauge without labels until it is set again. */
  withdraw(name: UnlabelledGauge): void {
    const family = this.#family(name);
    for (const series of family.all) family.remove(series);
  }

  /** Record one value. */
  observe<Name extends NamesOf<"histogram">>(
    name: Name,
    labels: Labels<Name>,
    value: number,
  ): void {
    this.#family(name).observe(this.#at(name, labels), value);
  }

  /** A series of a counter, for one that counts often; lost with the engine that it names. */
  counterOf<Name extends NamesOf<"counter">>(name: Name, labels: Labels<Name>): CounterSeries {
    const series = this.#at(name, labels);
    return { add: (by) => void (series.value += by) };
  }

  /** The same of a histogram. */
  histogramOf<Name extends NamesOf<"histogram">>(
    name: Name,
    labels: Labels<Name>,
  ): HistogramSeries {
    const family = this.#family(name);
    const series = this.#at(name, labels);
    return {
      observe(value) {
        if (!Number.isNaN(value)) family.observe(series, value);
      },
    };
  }

  /** Drop one series of an engine; where it is not there, nothing happens. */
  drop<Name extends EngineMetric>(name: Name, labels: Labels<Name>): void {
    const known: AnyLabels = labels;
    const family = this.#family(name);
    const values = family.spec.labels.map((label) => known[label]);
    const noted = this.#byServer.get(known["server"] ?? "") ?? [];
    for (const each of noted) {
      const { series } = each;
      const isIt = each.family === family &&
        series.labels.every((value, index) => value === values[index]);
      if (!isIt) continue;
      this.#byServer.get(known["server"] ?? "")?.delete(each);
      family.remove(series);
    }
  }

  /**
   * Drop every series whose label `server` is `server`, or of a pair that it is one of: of an engine
   * that has gone nothing is told.
   */
  forgetServer(server: string): void {
    const noted = this.#byServer.get(server) ?? [];
    this.#byServer.delete(server);
    for (const { family, series } of noted) family.remove(series);
    for (const pair of this.#byPair) {
      if (pair.prefill !== server && pair.decode !== server) continue;
      this.#byPair.delete(pair);
      pair.family.remove(pair.series);
    }
  }

  /** Whether there is any series of `server`: of one that was forgotten nothing is to be told again. */
  tells(server: string): boolean {
    return this.#byServer.has(server);
  }

  /** `model` as a label: those beyond the first 1,024 that come are told as one, `many`. */
  modelLabel(model: string): string {
    if (this.#models.has(model)) return model;
    if (this.#models.size >= MAX_MODELS) return "many";
    this.#models.add(model);
    return model;
  }

  /** Everything in the Prometheus text format. */
  text(): Promise<string> {
    return Promise.resolve(metricsText(this.#families.values()));
  }

  /** Content type of `text`. */
  get contentType(): string {
    return TEXT_CONTENT_TYPE;
  }

  #family(name: MetricName): Family {
    const family = this.#families.get(name);
    if (family === undefined) throw new TypeError(`No metric is called ${name}`);
    return family;
  }

  #at(name: MetricName, labels: AnyLabels): Series {
    const family = this.#family(name);
    const series = family.at(labels);
    if (!series.noted) this.#note(family, series, labels);
    return series;
  }

  #note(family: Family, series: Series, labels: AnyLabels): void {
    series.noted = true;
    const { server, prefill, decode } = labels;
    if (prefill !== undefined && decode !== undefined) {
      this.#byPair.add({ family, series, prefill, decode });
    }
    if (server === undefined) return;
    let noted = this.#byServer.get(server);
    if (noted === undefined) this.#byServer.set(server, noted = new Set());
    noted.add({ family, series });
  }
}

/** A series that is remembered with its engine. */
interface NotedSeries {
  readonly family: Family;
  readonly series: Series;
}

/** The same of a pair of engines. */
interface NotedPair extends NotedSeries {
  readonly prefill: string;
  readonly decode: string;
}
