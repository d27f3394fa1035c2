/**
 * The W3C's trace context, as it comes with a request and goes on with its legs. Pure.
 *
 * Source: https://www.w3.org/TR/trace-context/
 * @module
 */

/** What a client's `traceparent` says. */
export interface Parent {
  /** 32 hexadecimal digits, not all zero. */
  readonly traceId: string;
  /** The client's span: 16 hexadecimal digits, not all zero. */
  readonly spanId: string;
  readonly sampled: boolean;
}

/** A version, an id of a trace, one of a span, and flags; what later versions add comes behind a dash. */
const TRACEPARENT =
  /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:$|-)/;

/** The length of the version that this router speaks, which adds nothing. */
const LENGTH = 55;

const SAMPLED = 1;

/** What `text` says; undefined where it is none, which is as if it had not come. */
export function parseTraceparent(text: string): Parent | undefined {
  const [, version, traceId, spanId, flags] = TRACEPARENT.exec(text) ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined;
  if (version === "00" && text.length !== LENGTH) return undefined;
  return { traceId, spanId, sampled: (parseInt(flags, 16) & SAMPLED) !== 0 };
}

/** The field for what is below a span. */
export function traceparentOf({ traceId, spanId, sampled }: Parent): string {
  return `00-${traceId}-${spanId}-${sampled ? "01" : "00"}`;
}

/** Most members of a list that goes on. */
const MAX_MEMBERS = 32;

/** A key, with a tenant before its `@` where it has one, and a value without commas and equals signs. */
const MEMBER =
  /^[a-z0-9][a-z0-9_*/-]{0,240}(@[a-z][a-z0-9_*/-]{0,13})?=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/;

/** Whether `text`, a client's `tracestate`, may go on; else it is as if it had not come. */
export function isTracestate(text: string): boolean {
  const members = text.split(",", MAX_MEMBERS * 2).map((member) => member.trim())
    .filter((member) => member !== "");
  return members.length > 0 && members.length <= MAX_MEMBERS &&
    members.every((member) => MEMBER.test(member));
}
