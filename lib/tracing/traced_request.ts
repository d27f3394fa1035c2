/** One request that is traced: its ids, and the spans of its exchanges with engines. @module */
import type { LegEnd, LegSpan, Spans } from "../base/mod.ts";
import { type LegAsked, legSpan } from "./leg_span.ts";
import type { Span } from "./span.ts";
import { traceparentOf } from "./trace_context.ts";

/** A span's place in a trace. */
export interface Place {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** The span of the request: 16 hexadecimal digits. */
  readonly spanId: string;
  /** The client's, where there is one. */
  readonly parentId: string | undefined;
  readonly sampled: boolean;
  /** The client's `tracestate`. */
  readonly state: string | undefined;
}

/** What it works with. */
export interface TracedParts {
  /** The endpoint asked, of a closed list; undefined for one that is not known. */
  readonly endpoint: string | undefined;
  /** The clock's monotonic time, in milliseconds. */
  readonly now: () => number;
  /** What makes Unix time of it. */
  readonly unixOffsetMs: number;
  /** Takes a span that has ended. */
  readonly onSpan: (span: Span) => void;
}

type Fields = Parameters<LegSpan["onto"]>[0];

/** Digits of a span's id that tell the spans of one request apart. */
const OWN_DIGITS = 4;

/** The spans of one request. */
export class TracedRequest implements Spans {
  readonly place: Place;
  readonly parts: TracedParts;
  readonly #prefix: string;
  #last: number;
  #asked: Map<string, number> | undefined;

  constructor(place: Place, parts: TracedParts) {
    this.place = place;
    this.parts = parts;
    const { spanId } = place;
    this.#prefix = spanId.slice(0, -OWN_DIGITS);
    this.#last = parseInt(spanId.slice(-OWN_DIGITS), 16);
  }

  get traceId(): string {
    return this.place.traceId;
  }

  get sampled(): boolean {
    return this.place.sampled;
  }

  leg(): LegSpan {
    return this.sampled ? new OpenLeg(this) : this.#unsampled;
  }

  /** Tells engines not to trace either. */
  get #unsampled(): LegSpan {
    const { place } = this;
    return { onto: (fields) => withContext(fields, place, place.spanId), end: () => {} };
  }

  /** This moment, as Unix time in milliseconds. */
  unixMs(): number {
    return this.parts.now() + this.parts.unixOffsetMs;
  }

  /** An id that no other span of the trace has. */
  nextId(): string {
    this.#last = (this.#last + 1) % 16 ** OWN_DIGITS;
    return this.#prefix + this.#last.toString(16).padStart(OWN_DIGITS, "0");
  }

  /** How many legs of that name there have been before. */
  resent(leg: string): number {
    this.#asked ??= new Map();
    const before = this.#asked.get(leg) ?? 0;
    this.#asked.set(leg, before + 1);
    return before;
  }

  /** A span below the request's own. */
  child(
    spanId: string,
    span: Omit<Span, "traceId" | "spanId" | "parentId" | "state">,
  ): void {
    const { traceId, state, spanId: parentId } = this.place;
    this.parts.onSpan({ traceId, spanId, parentId, state, ...span });
  }
}

/** One exchange that is under way. */
class OpenLeg implements LegSpan {
  readonly #request: TracedRequest;
  readonly #id: string;
  /** Unix time in milliseconds. */
  readonly #chosenMs: number;
  #asked: LegAsked | undefined;
  #sentMs: number | undefined;

  constructor(request: TracedRequest) {
    this.#request = request;
    this.#id = request.nextId();
    this.#chosenMs = request.unixMs();
  }

  onto(fields: Fields, path: string, method: string): Fields {
    this.#asked = { path, method };
    this.#sentMs = this.#request.unixMs();
    return withContext(fields, this.#request.place, this.#id);
  }

  end(end: LegEnd): void {
    const resent = this.#request.resent(end.leg);
    const chosenMs = this.#chosenMs;
    const sent = { asked: this.#asked, resent, chosenMs, sentMs: this.#sentMs ?? chosenMs };
    this.#request.child(this.#id, legSpan(end, sent));
  }
}

/** `fields` with the context of the span `spanId`; the client's `tracestate` stays where it may. */
function withContext(fields: Fields, { traceId, sampled, state }: Place, spanId: string): Fields {
  const kept = fields.filter(([name]) => !isContext(name, state));
  return [...kept, ["traceparent", traceparentOf({ traceId, spanId, sampled })]];
}

function isContext(name: string, state: string | undefined): boolean {
  // Nearly all other names are told apart by their length.
  if (name.length === "traceparent".length) return name.toLowerCase() === "traceparent";
  return state === undefined && name.length === "tracestate".length &&
    name.toLowerCase() === "tracestate";
}
