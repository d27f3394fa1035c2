/** What is counted of handoffs, pair by pair. @module */
import type { Engine } from "../base/mod.ts";
import type { CounterSeries, HistogramSeries, Metrics } from "../metrics/mod.ts";
import type { RequestOutcome, RequestTrace } from "../request/mod.ts";
import type { Phases } from "./phases.ts";

/** Pairs that anything is kept of; the one without a handoff for longest goes first. */
const MAX_PAIRS = 1_024;

/** Pairs under names of their own in metrics. */
const MAX_NAMED = 64;

/** What is kept of one pair. */
export class PairRecord {
  readonly prefill: Engine;
  readonly decode: Engine;
  /** In metrics it has a name of its own. */
  readonly named: boolean;
  ok = 0;
  failed = 0;
  /** Prompt tokens of handoffs that ended well. */
  tokens = 0;
  kvWaitMs: number | undefined;
  /** On the clock's monotonic scale. */
  lastMs: number | undefined;
  readonly #metrics: PairMetrics;
  readonly #outcomes = new Map<RequestOutcome, CounterSeries>();
  #times:
    | readonly [prefill: HistogramSeries, kv: HistogramSeries, first: HistogramSeries]
    | undefined;

  constructor(pair: Pair, named: boolean, metrics: PairMetrics) {
    this.prefill = pair.prefill;
    this.decode = pair.decode;
    this.named = named;
    this.#metrics = metrics;
  }

  /** A request that was handed off has ended here. */
  ended(outcome: RequestOutcome, phases: Phases, promptTokens: number, nowMs: number): void {
    let counted = this.#outcomes.get(outcome);
    if (counted === undefined) {
      counted = this.#metrics.counterOf("pd_router_pair_handoffs_total", {
        ...this.#names,
        outcome,
      });
      this.#outcomes.set(outcome, counted);
    }
    counted.add(1);
    const [prefill, kv, first] = this.#times ??= this.#open();
    prefill.observe(phases.prefill / 1000);
    kv.observe(phases.kv_wait / 1000);
    first.observe(phases.first_byte / 1000);
    if (outcome === "ok") {
      this.ok++;
      this.tokens += promptTokens;
    } else if (outcome !== "client_gone") this.failed++;
    if (!Number.isNaN(phases.kv_wait)) this.kvWaitMs = phases.kv_wait;
    this.lastMs = nowMs;
  }

  get #names(): { readonly prefill: string; readonly decode: string } {
    if (!this.named) return { prefill: "many", decode: "many" };
    return { prefill: this.prefill.url, decode: this.decode.url };
  }

  #open(): readonly [HistogramSeries, HistogramSeries, HistogramSeries] {
    const of = (phase: string): HistogramSeries =>
      this.#metrics.histogramOf("pd_router_pair_phase_seconds", { phase, ...this.#names });
    return [of("prefill"), of("kv_wait"), of("first_byte")];
  }
}

type Pair = NonNullable<RequestTrace["pair"]>;
type PairMetrics = Pick<Metrics, "counterOf" | "histogramOf">;

/** All pairs. */
export class PairRecords {
  readonly #metrics: PairMetrics;
  /** By the prefill engine's URL, then by the decode engine's. */
  readonly #records = new Map<string, Map<string, PairRecord>>();
  #size = 0;
  #named = 0;

  constructor(metrics: PairMetrics) {
    this.#metrics = metrics;
  }

  /** The record of a pair; begun where there is none. */
  of(pair: Pair): PairRecord {
    const known = this.#records.get(pair.prefill.url)?.get(pair.decode.url);
    if (known !== undefined) return known;
    if (this.#size >= MAX_PAIRS) this.#dropOldest();
    const record = new PairRecord(pair, this.#named < MAX_NAMED, this.#metrics);
    let of = this.#records.get(pair.prefill.url);
    if (of === undefined) this.#records.set(pair.prefill.url, of = new Map());
    of.set(pair.decode.url, record);
    this.#size++;
    if (record.named) this.#named++;
    return record;
  }

  /** All of them. */
  *all(): Generator<PairRecord, void, void> {
    for (const of of this.#records.values()) yield* of.values();
  }

  /** Nothing is kept of the engine at `url`. */
  forget(url: string): void {
    for (const record of [...this.all()]) {
      if (record.prefill.url !== url && record.decode.url !== url) continue;
      this.#drop(record);
      // Its series go with the engine.
      if (record.named) this.#named--;
    }
  }

  /** What is dropped so has its series, and its name in metrics, until one of the engines goes. */
  #dropOldest(): void {
    let oldest: PairRecord | undefined;
    for (const record of this.all()) {
      if (oldest === undefined || (record.lastMs ?? 0) < (oldest.lastMs ?? 0)) oldest = record;
    }
    if (oldest !== undefined) this.#drop(oldest);
  }

  #drop(record: PairRecord): void {
    const of = this.#records.get(record.prefill.url);
    if (of?.delete(record.decode.url) !== true) return;
    if (of.size === 0) this.#records.delete(record.prefill.url);
    this.#size--;
  }
}
