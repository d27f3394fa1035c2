/** Follows requests from their arrival to their end: counts them, keeps the last, and tells the log. @module */
import { type Clock, errorCodeOf, LinkedList } from "../base/mod.ts";
import type { CounterSeries, Metrics } from "../metrics/mod.ts";
import type { RequestOutcome, RequestTrace } from "../request/mod.ts";
import { Distribution } from "./distribution.ts";
import { ModelMeters } from "./model_meters.ts";
import { PairRecords } from "./pair_records.ts";
import { answering, doing, type Phases, phasesOf } from "./phases.ts";
import { RecentRequests } from "./ring.ts";
import { type DistributionName, DISTRIBUTIONS } from "./shapes.ts";

/** The status of those who were not let in. */
const UNAUTHORIZED = 401;

/** What the recorder works with. */
export interface RecorderOptions {
  readonly clock: Clock;
  readonly metrics: Pick<Metrics, "counterOf" | "histogramOf">;
  /** Requests that are kept once they have ended; absent where nobody could look at any. */
  readonly keep?: number | undefined;
  /**
   * Numbers requests in the order of their arrival, each with another number.
   * @default from 1 on
   */
  readonly nextNumber?: (() => number) | undefined;
  /**
   * Told of every request that has ended.
   * @default nobody
   */
  readonly onEnded?: ((trace: RequestTrace, phases: Phases) => void) | undefined;
}

/** What is kept for those who look. */
export interface Kept {
  readonly recent: RecentRequests;
  /** Requests that have not ended, in the order of their arrival. */
  readonly underWay: Iterable<RequestTrace> & { readonly size: number };
  /** Requests that have ended, by outcome and by route. */
  readonly outcomes: ReadonlyMap<RequestOutcome, number>;
  readonly routes: ReadonlyMap<string, number>;
  readonly times: ReadonlyMap<DistributionName, Distribution>;
}

/** One router's. */
export class RequestRecorder {
  readonly pairs: PairRecords;
  readonly #options: RecorderOptions;
  readonly #models: ModelMeters;
  readonly #departures = new Map<string, CounterSeries>();
  readonly #kept: OpenKept | undefined;
  readonly #nextNumber: () => number;

  constructor(options: RecorderOptions) {
    const { metrics, keep, clock, nextNumber = counting() } = options;
    this.#options = options;
    this.#nextNumber = nextNumber;
    this.#models = new ModelMeters(metrics);
    this.pairs = new PairRecords(metrics);
    this.#kept = keep === undefined ? undefined : new OpenKept(keep, clock.now());
  }

  /** What is kept; undefined where nobody could look. */
  get kept(): Kept | undefined {
    return this.#kept;
  }

  /** A request has come. */
  begin(trace: RequestTrace): void {
    trace.seq = this.#nextNumber();
    this.#kept?.underWay.add(trace);
  }

  /** It has ended, for `failure` if that is known. */
  end(trace: RequestTrace, outcome: RequestOutcome, failure: unknown): void {
    const { route } = trace;
    const nowMs = this.#options.clock.now();
    const kept = this.#kept;
    trace.end = { outcome, atMs: nowMs, code: errorCodeOf(failure) };
    kept?.underWay.delete(trace);
    const phases = phasesOf(trace, nowMs);
    if (outcome === "client_gone") this.#left(doing(trace));
    if (route !== "none") {
      this.#models.ended(trace.model ?? "unknown", route, phases);
      if (trace.pair !== undefined && route.startsWith("handoff_")) {
        const prompt = answering(trace.legs)?.tokens?.prompt ?? 0;
        this.pairs.of(trace.pair).ended(outcome, phases, prompt, nowMs);
      }
      kept?.count(route, outcome, phases, nowMs);
    }
    // Looks at the router itself that went well are too many, and nobody asks for them.
    if (route === "none" && outcome === "ok") return;
    // Whoever has no key is not to push out those who have.
    if (trace.status !== UNAUTHORIZED) kept?.recent.add(trace);
    this.#options.onEnded?.(trace, phases);
  }

  #left(phase: string): void {
    let counted = this.#departures.get(phase);
    if (counted === undefined) {
      counted = this.#options.metrics.counterOf("pd_router_client_departures_total", { phase });
      this.#departures.set(phase, counted);
    }
    counted.add(1);
  }
}

function counting(): () => number {
  let count = 0;
  return () => ++count;
}

class OpenKept implements Kept {
  readonly recent: RecentRequests;
  readonly underWay = new LinkedList<RequestTrace>();
  readonly outcomes = new Map<RequestOutcome, number>();
  readonly routes = new Map<string, number>();
  readonly times: ReadonlyMap<DistributionName, Distribution>;
  /** The same in the order of their names, as every request adds to all. */
  readonly #spread: readonly Distribution[];

  constructor(capacity: number, nowMs: number) {
    this.recent = new RecentRequests(capacity);
    this.times = new Map(DISTRIBUTIONS.map((name) => [name, new Distribution(nowMs)]));
    this.#spread = [...this.times.values()];
  }

  count(route: string, outcome: RequestOutcome, phases: Phases, nowMs: number): void {
    this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1);
    this.routes.set(route, (this.routes.get(route) ?? 0) + 1);
    for (let at = 0; at < DISTRIBUTIONS.length; at++) {
      const name = DISTRIBUTIONS[at];
      if (name !== undefined) this.#spread[at]?.add(phases[name], nowMs);
    }
  }
}
