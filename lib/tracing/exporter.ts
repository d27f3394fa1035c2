/** Hands spans over to a collector, in batches, whatever the collector does. @module */
import { type Clock, type Logger, type Random, sleep, type Timer } from "../base/mod.ts";
import type { Metrics } from "../metrics/mod.ts";
import type { OtlpEncoder } from "./otlp.ts";
import { type QueueLimits, SpanQueue } from "./span_queue.ts";
import type { Delivery, Transport } from "./transport.ts";

/** What it works with. */
export interface ExporterParts {
  readonly clock: Clock;
  readonly random: Pick<Random, "next">;
  readonly log: Logger;
  readonly metrics: Pick<Metrics, "count">;
  readonly encoder: Pick<OtlpEncoder, "batch">;
  /** Its own: disposed with the exporter. */
  readonly transport: Transport;
  /** The collector as the log may name it. */
  readonly collector: string;
  /**
   * How much may wait.
   * @default 16,384 spans, of 16 MiB
   */
  readonly limits?: QueueLimits;
}

const LIMITS: QueueLimits = { spans: 16_384, bytes: 16 * 1024 * 1024 };

/** Of one batch: below what collectors take of a message, 4 MiB. */
export const MAX_BATCH: QueueLimits = { spans: 512, bytes: 1024 * 1024 };

/** How long a span waits for others, in milliseconds. */
const GATHER_MS = 1_000;

/** How long one attempt may take, the first pause behind one, the longest, and all for one batch. */
const ATTEMPT_MS = 10_000;
const FIRST_PAUSE_MS = 1_000;
const MAX_PAUSE_MS = 30_000;
const BATCH_MS = 60_000;

/** How long the last spans may take when the router stops. */
const LAST_MS = 1_500;

/** One router's. Disposing it hands over what waits, for a moment. */
export class SpanExporter implements AsyncDisposable {
  readonly #parts: ExporterParts;
  readonly #queue: SpanQueue;
  /** Ends pauses. */
  readonly #stopping = new AbortController();
  /** Ends attempts. */
  readonly #end = new AbortController();
  #timer: Timer | undefined;
  #sending: Promise<void> | undefined;
  #failsSinceMs: number | undefined;

  constructor(parts: ExporterParts) {
    this.#parts = parts;
    this.#queue = new SpanQueue(parts.limits ?? LIMITS);
  }

  /** Spans that wait. */
  get waiting(): number {
    return this.#queue.length;
  }

  /** A span has ended. Never throws. */
  add(span: Uint8Array): void {
    if (this.#stopping.signal.aborted || !this.#queue.add(span)) {
      this.#parts.metrics.count("pd_router_spans_total", { result: "dropped" });
      return;
    }
    if (this.#sending !== undefined) return;
    if (this.#queue.length >= MAX_BATCH.spans) this.#begin();
    else this.#timer ??= this.#parts.clock.after(GATHER_MS, () => this.#begin());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { clock, transport } = this.#parts;
    this.#stopping.abort();
    using late = clock.after(LAST_MS, () => this.#end.abort());
    if (this.#queue.length > 0) this.#begin();
    await this.#sending;
    late.cancel();
    this.#timer?.cancel();
    transport[Symbol.dispose]();
  }

  #begin(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#sending ??= this.#run().finally(() => {
      this.#sending = undefined;
      if (this.#queue.length > 0) {
        this.#timer ??= this.#parts.clock.after(GATHER_MS, () => this.#begin());
      }
    });
  }

  /** Until fewer wait than make a batch; none at the end. */
  async #run(): Promise<void> {
    do await this.#handOver(this.#queue.take(MAX_BATCH)); while (
      this.#queue.length >= (this.#stopping.signal.aborted ? 1 : MAX_BATCH.spans)
    );
  }

  async #handOver(spans: readonly Uint8Array[]): Promise<void> {
    const { clock, metrics, encoder } = this.#parts;
    const batch = encoder.batch(spans);
    const since = clock.now();
    for (let pauseMs = FIRST_PAUSE_MS;; pauseMs = Math.min(pauseMs * 2, MAX_PAUSE_MS)) {
      const delivery = await this.#attempt(batch);
      if (delivery.kind === "taken") {
        const refused = Math.min(delivery.refused, spans.length);
        metrics.count("pd_router_spans_total", { result: "exported" }, spans.length - refused);
        if (refused > 0) this.#lost(refused, `it refused ${refused} spans: ${delivery.why}`);
        else this.#works();
        return;
      }
      const isOver = delivery.kind === "refused" || this.#stopping.signal.aborted ||
        clock.now() - since >= BATCH_MS;
      if (isOver) return this.#lost(spans.length, delivery.why);
      this.#fails(delivery.why);
      await sleep(clock, this.#pauseMs(pauseMs, delivery.afterMs), this.#stopping.signal);
    }
  }

  /** What the collector asks for, within bounds; routers that lost it together do not come together. */
  #pauseMs(pauseMs: number, askedMs = 0): number {
    return Math.min(Math.max(askedMs, pauseMs * (0.5 + this.#parts.random.next())), MAX_PAUSE_MS);
  }

  async #attempt(batch: readonly Uint8Array[]): Promise<Delivery> {
    const { clock, transport } = this.#parts;
    const attempt = new AbortController();
    const onEnd = (): void => attempt.abort();
    using _late = clock.after(ATTEMPT_MS, onEnd);
    const { signal } = this.#end;
    if (signal.aborted) onEnd();
    signal.addEventListener("abort", onEnd);
    try {
      return await transport.send(batch, attempt.signal);
    } finally {
      signal.removeEventListener("abort", onEnd);
    }
  }

  #lost(spans: number, why: string): void {
    this.#parts.metrics.count("pd_router_spans_total", { result: "failed" }, spans);
    this.#fails(why);
  }

  #fails(why: string): void {
    if (this.#failsSinceMs !== undefined) return;
    const { clock, log, collector } = this.#parts;
    this.#failsSinceMs = clock.now();
    log.warning("Traces cannot be exported; requests are served all the same", {
      collector,
      error: why,
    });
  }

  #works(): void {
    if (this.#failsSinceMs === undefined) return;
    const { clock, log, collector } = this.#parts;
    const seconds = Math.round((clock.now() - this.#failsSinceMs) / 1000);
    this.#failsSinceMs = undefined;
    log.info(`Traces are exported again, after ${seconds} s`, { collector });
  }
}
