/** What happened to one request, step by step, for metrics, logs and timelines. @module */
import type { Clock } from "../base/mod.ts";
import type { DirectReason } from "../disagg/mod.ts";

/** The way a request took. */
export type Route =
  | "none"
  | "direct"
  /** Mode P1, and the protocols' own names for mode D1. */
  | `handoff_${string}`
  /** Several prompts, each of which took its own way. */
  | "fan_out";

/** A step that has ended, or a moment. */
export type TraceStep =
  | "tokenized"
  | "prefill-sent"
  | "prefill-done"
  | "kv-ready"
  | "kv-timed-out"
  | "decode-sent"
  | "decode-first"
  | "retry"
  | "direct-sent"
  | "direct-head";

/** One step of one request. */
export interface TraceEvent {
  readonly step: TraceStep;
  /** On the clock's monotonic scale, in milliseconds. */
  readonly atMs: number;
  /** URL of the engine concerned. */
  readonly engine?: string;
  readonly note?: string;
}

/** The record of one request; flows write to it, the edge reads it at the end. */
export class RequestTrace {
  readonly receivedAtMs: number;
  readonly events: TraceEvent[] = [];
  route: Route = "none";
  directReason: DirectReason | undefined;
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.receivedAtMs = clock.now();
  }

  /** Note that `step` is reached. */
  add(step: TraceStep, engine?: string, note?: string): void {
    this.events.push({
      step,
      atMs: this.#clock.now(),
      ...(engine === undefined ? {} : { engine }),
      ...(note === undefined ? {} : { note }),
    });
  }
}
