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

/** Steps after which an engine works on the request itself. */
const SENT: ReadonlySet<TraceStep> = new Set(["prefill-sent", "direct-sent"]);

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
  /** A stream of events was asked for. */
  streams = false;
  readonly #clock: Clock;
  readonly #whole: RequestTrace | undefined;
  #sent = false;
  #onSent: (() => void) | undefined;

  /** `whole` is the record of the request that this is a part of. */
  constructor(clock: Clock, whole?: RequestTrace) {
    this.#clock = clock;
    this.#whole = whole;
    this.receivedAtMs = clock.now();
  }

  /** The record of a part of this request, that is sent by itself. */
  part(): RequestTrace {
    return new RequestTrace(this.#clock, this);
  }

  /**
   * Have `run` called as soon as the request, or a part of it, has been sent to an engine that shall
   * work on it: then it is one that can be answered, as far as the router can tell. For one at a time.
   */
  onSent(run: () => void): void {
    if (this.#sent) run();
    else this.#onSent = run;
  }

  /** Note that `step` is reached. */
  add(step: TraceStep, engine?: string, note?: string): void {
    this.events.push({
      step,
      atMs: this.#clock.now(),
      ...(engine === undefined ? {} : { engine }),
      ...(note === undefined ? {} : { note }),
    });
    if (SENT.has(step)) this.#noteSent();
  }

  #noteSent(): void {
    if (this.#sent) return;
    this.#sent = true;
    this.#onSent?.();
    this.#onSent = undefined;
    if (this.#whole !== undefined) this.#whole.#noteSent();
  }
}
