/** Traces the requests of one router: what they are given at their arrival, and told of at their end. @module */
import type { Clock, Random, Spans } from "../base/mod.ts";
import type { Sampler } from "../config/mod.ts";
import type { RequestTrace } from "../request/mod.ts";
import type { OtlpEncoder } from "./otlp.ts";
import { requestSpan } from "./request_span.ts";
import { isSampled } from "./sampling.ts";
import type { Span } from "./span.ts";
import { isTracestate, parseTraceparent } from "./trace_context.ts";
import { TracedRequest } from "./traced_request.ts";
import { waitsIn } from "./waits.ts";

/** What it works with. */
export interface TracerParts {
  readonly clock: Pick<Clock, "now" | "unixMs">;
  readonly random: Pick<Random, "uuid">;
  readonly sampler: Sampler;
  readonly encoder: Pick<OtlpEncoder, "span">;
  /** Takes an encoded span. */
  readonly onSpan: (bytes: Uint8Array) => void;
}

/** A request that has come. */
export interface Arrived {
  readonly headers: { get(name: string): string | undefined };
  /** The endpoint asked, of a closed list; undefined for one that is not known. */
  readonly endpoint: string | undefined;
}

const DIGITS = 16;
const UNAUTHORIZED = 401;

/** One router's. */
export class Tracer {
  readonly #parts: TracerParts;
  readonly #now: () => number;
  readonly #onSpan: (span: Span) => void;

  constructor(parts: TracerParts) {
    const { clock, encoder, onSpan } = this.#parts = parts;
    this.#now = () => clock.now();
    this.#onSpan = (span) => onSpan(encoder.span(span));
  }

  /** The spans of a request that comes at this moment. */
  begin({ headers, endpoint }: Arrived): Spans {
    const { clock, random, sampler } = this.#parts;
    const given = headers.get("traceparent");
    const parent = given === undefined ? undefined : parseTraceparent(given);
    // Without a context, the state of it is that of no trace.
    const state = parent && headers.get("tracestate");
    const chance = random.uuid().replaceAll("-", "");
    const traceId = parent?.traceId ?? random.uuid().replaceAll("-", "");
    return new TracedRequest({
      traceId,
      spanId: chance.slice(-DIGITS),
      parentId: parent?.spanId,
      sampled: isSampled(sampler, traceId, parent),
      state: state !== undefined && isTracestate(state) ? state : undefined,
    }, {
      endpoint,
      now: this.#now,
      unixOffsetMs: clock.unixMs() - clock.now(),
      onSpan: this.#onSpan,
    });
  }

  /** The request has ended. */
  ended(trace: RequestTrace): void {
    const { spans } = trace;
    if (!(spans instanceof TracedRequest) || !spans.sampled) return;
    // Whoever has no key fills no collector.
    if (trace.status === UNAUTHORIZED && trace.route === "none") return;
    const endMs = trace.end?.atMs ?? this.#now();
    for (const each of [trace, ...trace.parts]) tellWaits(each, endMs, spans);
    this.#onSpan(requestSpan(trace, spans.place, spans.parts));
  }
}

function tellWaits({ events }: RequestTrace, endMs: number, spans: TracedRequest): void {
  const { unixOffsetMs } = spans.parts;
  for (const { name, fromMs, toMs, timedOut } of waitsIn(events, endMs)) {
    spans.child(spans.nextId(), {
      name,
      kind: "internal",
      startMs: fromMs + unixOffsetMs,
      endMs: toMs + unixOffsetMs,
      attributes: { "error.type": timedOut ? "kv-timeout" : undefined },
      failure: timedOut ? "kv-timeout" : undefined,
    });
  }
}
