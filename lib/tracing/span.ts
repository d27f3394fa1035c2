/** A span that has ended, as it is exported. @module */

/** What a span can be, by OTLP's numbers. */
export const SPAN_KINDS = { internal: 1, server: 2, client: 3 } as const;

/** What is known of something, by name; what is not known is left out. */
export type Attributes = Readonly<Record<string, string | number | boolean | undefined>>;

/** A moment of a span. */
export interface SpanEvent {
  readonly name: string;
  /** Unix time in milliseconds, fractions included. */
  readonly unixMs: number;
  readonly attributes?: Attributes;
}

/** One span. */
export interface Span {
  /** 32 and 16 hexadecimal digits. */
  readonly traceId: string;
  readonly spanId: string;
  /** Absent for the first of a trace. */
  readonly parentId?: string | undefined;
  /** The parent is in another process. */
  readonly remoteParent?: true;
  /** The client's `tracestate`. */
  readonly state?: string | undefined;
  readonly name: string;
  readonly kind: keyof typeof SPAN_KINDS;
  /** Unix times in milliseconds, fractions included. */
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes: Attributes;
  readonly events?: readonly SpanEvent[];
  /** Set where it failed: for what. */
  readonly failure?: string | undefined;
}
