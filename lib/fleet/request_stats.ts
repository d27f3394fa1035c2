/** What this router's requests at each engine are like: how many, how long, how fast. @module */
import type { Clock, Engine } from "../base/mod.ts";
import type { Leg, Outcome, ServingLeg } from "./flight.ts";
import { SlidingSums } from "./sliding_sums.ts";

/** The requests at one engine. Averages are over the window, and absent where there is nothing in it. */
export interface RequestFigures {
  /** Requests begun in a second. */
  readonly qps: number;
  /** Seconds from the choice of the engine to the end of its answer. */
  readonly latency: number | undefined;
  /** Seconds between two tokens of a stream. */
  readonly itl: number | undefined;
  /** Seconds from the first token of a stream to its end. */
  readonly decoding: number | undefined;
  /** Requests at this moment without, and with, a first token. */
  readonly inPrefill: number;
  readonly inDecoding: number;
  /** Requests that have ended, however, since the first one. */
  readonly finished: number;
  /** Seconds since the first one. */
  readonly uptime: number;
}

const SUMS = ["begun", "ended", "latencyMs", "streams", "itlMs", "decoded", "decodingMs"] as const;

/** What is kept of one engine. */
interface ServerRecord {
  readonly sums: SlidingSums<typeof SUMS[number]>;
  readonly sinceMs: number;
  inflight: number;
  inDecoding: number;
  finished: number;
}

const SERVING: ReadonlySet<Leg> = new Set<ServingLeg>(["prefill", "decode", "direct"]);

/** Keeps a few numbers for each URL that has had a request, until it is forgotten. */
export class RequestStats {
  readonly #clock: Clock;
  readonly #windowMs: number;
  readonly #servers = new Map<string, ServerRecord>();

  constructor(clock: Clock, windowMs: number) {
    this.#clock = clock;
    this.#windowMs = windowMs;
  }

  /** Engines of which something is kept. */
  get size(): number {
    return this.#servers.size;
  }

  /** Requests at an engine have become more or fewer by one. */
  onInflight({ url }: Engine, delta: number): void {
    const record = this.#of(url);
    record.inflight += delta;
    if (delta > 0) record.sums.add("begun", 1);
    else record.finished++;
  }

  /** The first token of a stream has come. */
  onFirst({ url }: Engine): void {
    this.#of(url).inDecoding++;
  }

  /** A request has ended; told of others than those to serve, it does nothing. */
  onOutcome({ engine, leg, end, ms, firstMs, tokens }: Outcome): void {
    if (!SERVING.has(leg)) return;
    const record = this.#of(engine.url);
    if (firstMs !== undefined) record.inDecoding--;
    if (end !== "ok") return;
    const { sums } = record;
    sums.add("ended", 1);
    sums.add("latencyMs", ms);
    if (firstMs === undefined) return;
    sums.add("decoded", 1);
    sums.add("decodingMs", ms - firstMs);
    const steps = tokens === undefined ? 0 : (tokens.own ?? tokens.answer) - 1;
    if (steps < 1) return;
    sums.add("streams", 1);
    sums.add("itlMs", (ms - firstMs) / steps);
  }

  /** What is known of the engine at `url`; undefined where it has had no request. */
  of(url: string): RequestFigures | undefined {
    const record = this.#servers.get(url);
    if (record === undefined) return undefined;
    const { sums, inflight, inDecoding, finished, sinceMs } = record;
    const mean = (sum: typeof SUMS[number], count: typeof SUMS[number]): number | undefined => {
      const of = sums.sum(count);
      return of === 0 ? undefined : sums.sum(sum) / of / 1000;
    };
    return {
      qps: sums.sum("begun") * 1000 / sums.spanMs,
      latency: mean("latencyMs", "ended"),
      itl: mean("itlMs", "streams"),
      decoding: mean("decodingMs", "decoded"),
      inPrefill: inflight - inDecoding,
      inDecoding,
      finished,
      uptime: (this.#clock.now() - sinceMs) / 1000,
    };
  }

  /** Nothing is under way at `url` any more, and nothing will be. */
  forget(url: string): void {
    this.#servers.delete(url);
  }

  #of(url: string): ServerRecord {
    let record = this.#servers.get(url);
    if (record === undefined) {
      record = {
        sums: new SlidingSums(this.#clock, this.#windowMs, SUMS),
        sinceMs: this.#clock.now(),
        inflight: 0,
        inDecoding: 0,
        finished: 0,
      };
      this.#servers.set(url, record);
    }
    return record;
  }
}
