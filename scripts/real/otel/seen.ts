/** What a collector has written of the traces that it took. @module */

/** An attribute's value. */
export type Value = string | number | boolean;

/** One span, as the collector understood it. */
export interface SeenSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentId: string;
  readonly state: string;
  readonly name: string;
  /** 1 internal, 2 server, 3 client. */
  readonly kind: number;
  readonly startNs: bigint;
  readonly endNs: bigint;
  readonly attributes: Readonly<Record<string, Value>>;
  readonly events: readonly string[];
  /** 2 for a failure. */
  readonly status: number;
  /** Of the process that it is of. */
  readonly resource: Readonly<Record<string, Value>>;
  readonly scope: string;
}

// deno-lint-ignore no-explicit-any
type Json = any;

/** The spans of the file that the collector's exporter writes; a line that is being written is left out. */
export function spansIn(text: string): readonly SeenSpan[] {
  const whole = text.slice(0, text.lastIndexOf("\n") + 1);
  return whole.split("\n").filter((line) => line !== "").flatMap((line) => {
    const { resourceSpans }: Json = JSON.parse(line);
    return resourceSpans.flatMap(({ resource, scopeSpans }: Json) =>
      scopeSpans.flatMap(({ scope, spans }: Json) =>
        spans.map((span: Json) => seenSpan(span, attributesIn(resource.attributes), scope))
      )
    );
  });
}

function seenSpan(span: Json, resource: SeenSpan["resource"], scope: Json): SeenSpan {
  return {
    traceId: span.traceId,
    spanId: span.spanId,
    parentId: span.parentSpanId ?? "",
    state: span.traceState ?? "",
    name: span.name,
    kind: span.kind,
    startNs: BigInt(span.startTimeUnixNano),
    endNs: BigInt(span.endTimeUnixNano),
    attributes: attributesIn(span.attributes),
    events: (span.events ?? []).map(({ name }: Json) => name),
    status: span.status?.code ?? 0,
    resource,
    scope: scope.name,
  };
}

function attributesIn(list: Json = []): Record<string, Value> {
  return Object.fromEntries(list.map(({ key, value }: Json) => {
    const { stringValue, boolValue, intValue, doubleValue } = value;
    return [key, stringValue ?? boolValue ?? doubleValue ?? Number(intValue)];
  }));
}
