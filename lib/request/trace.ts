/** What happened to one request, step by step, for metrics, logs and timelines. @module */
import { type Clock, type Engine, type ErrorCode, Linked, type Spans } from "../base/mod.ts";
import type { DirectReason } from "../disagg/mod.ts";
import type { Outcome } from "../fleet/mod.ts";

/** The way a request took. */
export type Route =
  | "none"
  | "direct"
  /** Answered by a provider that is not among the engines. */
  | "external"
  /** Mode P1, and the protocols' own names for mode D1. */
  | `handoff_${string}`
  /** Several prompts, each of which took its own way. */
  | "fan_out";

/** A step that has ended, or a moment. */
export type TraceStep =
  /** It waits for room at the engines, and has got it. */
  | "queued"
  | "admitted"
  | "tokenized"
  | "prefill-sent"
  | "prefill-done"
  | "kv-ready"
  | "kv-timed-out"
  | "decode-sent"
  | "decode-first"
  | "retry"
  /** Another pair goes on with the stream. */
  | "continued"
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

/** How a request came to its end, as a metric label. */
export type RequestOutcome =
  | "ok"
  | "client_error"
  | "server_error"
  | "stream_error"
  | "client_gone";

/** The end of a request. */
export interface RequestEnd {
  readonly outcome: RequestOutcome;
  /** On the clock's monotonic scale, in milliseconds. */
  readonly atMs: number;
  /** What it failed for. */
  readonly code: ErrorCode | undefined;
}

/** Exchanges with engines that are kept of a request. */
const MAX_LEGS = 64;

/** Steps at which an engine is asked for what the client gets. */
const ANSWERING: ReadonlySet<TraceStep> = new Set(["decode-sent", "direct-sent"]);

/** The record of one request; flows write to it, the edge reads it at the end. */
export class RequestTrace extends Linked {
  readonly receivedAtMs: number;
  readonly events: TraceEvent[] = [];
  route: Route = "none";
  directReason: DirectReason | undefined;
  /** The model that is asked for, its alias resolved; undefined until that is known. */
  model: string | undefined;
  /** A stream of events was asked for. */
  streams = false;
  /** Its number in the router's life, and what it goes by; the edge says so. */
  seq = 0;
  id = "";
  method = "";
  path = "";
  /** The address that it came from. */
  client = "";
  /** The name of the API key that it was let in with. */
  key: string | undefined;
  /** The engines of the handoff that was begun last. */
  pair: { readonly prefill: Engine; readonly decode: Engine } | undefined;
  /** When its engines were chosen first, and when the first bytes of its stream left. */
  acceptedAtMs: number | undefined;
  firstByteAtMs: number | undefined;
  /** Events that were there and are not kept. */
  eventsCut = 0;
  /** Of its answer. */
  status: number | undefined;
  /** Undefined as long as it is under way. */
  end: RequestEnd | undefined;
  /** Set where it is traced. */
  spans: Spans | undefined;
  readonly #clock: Clock;
  readonly #whole: RequestTrace | undefined;
  #accepted = false;
  #onAccepted: (() => void) | undefined;
  #server: string | undefined;
  #legs: Outcome[] | undefined;
  #parts: RequestTrace[] | undefined;

  /** `whole` is the record of the request that this is a part of. */
  constructor(clock: Clock, whole?: RequestTrace) {
    super();
    this.#clock = clock;
    this.#whole = whole;
    this.receivedAtMs = clock.now();
  }

  /** The record of a part of this request, that is answered by itself. */
  part(): RequestTrace {
    const part = new RequestTrace(this.#clock, this);
    if (this.spans === undefined) return part;
    part.spans = this.spans;
    (this.#parts ??= []).push(part);
    return part;
  }

  /** The records of its parts, where it is traced. */
  get parts(): readonly RequestTrace[] {
    return this.#parts ?? [];
  }

  /**
   * Engines are chosen for the request, or for a part of it: it is one that can be answered, as far as
   * the router can tell.
   */
  accept(): void {
    if (this.#accepted) return;
    this.acceptedAtMs = this.#clock.now();
    this.#accepted = true;
    this.#onAccepted?.();
    this.#onAccepted = undefined;
    this.#whole?.accept();
  }

  /** Have `run` called as soon as the request is accepted. For one at a time. */
  onAccepted(run: () => void): void {
    if (this.#accepted) run();
    else this.#onAccepted = run;
  }

  /** URL of the engine that was asked last for the answer, or for a part of it. */
  get server(): string | undefined {
    return this.#server;
  }

  /** A decode engine was, or is to be, asked without the news that the KV is there. */
  get lacksKv(): boolean {
    return this.events.some(({ step }) => step === "kv-timed-out");
  }

  /** Its exchanges with engines that are over, those of its parts too: the first 64. */
  get legs(): readonly Outcome[] {
    return this.#legs ?? [];
  }

  /** Keep the first `most` of its events. */
  trim(most: number): void {
    if (this.events.length <= most) return;
    this.eventsCut += this.events.length - most;
    this.events.length = most;
  }

  /** The id of the trace that it is exported in; undefined where it is in none. */
  get traceId(): string | undefined {
    return this.spans?.sampled === true ? this.spans.traceId : undefined;
  }

  /** An exchange with an engine is over. */
  landed(outcome: Outcome): void {
    this.#legs ??= [];
    if (this.#legs.length < MAX_LEGS) this.#legs.push(outcome);
    this.#whole?.landed(outcome);
  }

  /** Note that `step` is reached. */
  add(step: TraceStep, engine?: string, note?: string): void {
    if (engine !== undefined && ANSWERING.has(step)) this.#asks(engine);
    this.events.push({
      step,
      atMs: this.#clock.now(),
      ...(engine === undefined ? {} : { engine }),
      ...(note === undefined ? {} : { note }),
    });
  }

  #asks(engine: string): void {
    this.#server = engine;
    if (this.#whole !== undefined) this.#whole.#asks(engine);
  }
}
