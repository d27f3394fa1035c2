/**
 * Spans as OTLP has them: each by itself, so that a batch is a head and spans one behind the other.
 *
 * Source: open-telemetry/opentelemetry-proto `opentelemetry/proto/trace/v1/trace.proto`,
 * `.../common/v1/common.proto`, `.../collector/trace/v1/trace_service.proto`.
 * @module
 */
import { byteLength, type ByteParts } from "../base/mod.ts";
import { ProtoWriter } from "./proto_writer.ts";
import { type Attributes, type Span, SPAN_KINDS, type SpanEvent } from "./span.ts";

const REQUEST = { resourceSpans: 1 } as const;
const RESOURCE_SPANS = { resource: 1, scopeSpans: 2 } as const;
const RESOURCE = { attributes: 1 } as const;
const SCOPE_SPANS = { scope: 1, spans: 2 } as const;
const SCOPE = { name: 1, version: 2 } as const;
const SPAN = {
  traceId: 1,
  spanId: 2,
  state: 3,
  parentId: 4,
  name: 5,
  kind: 6,
  start: 7,
  end: 8,
  attributes: 9,
  events: 11,
  status: 15,
  flags: 16,
} as const;
const EVENT = { time: 1, name: 2, attributes: 3 } as const;
const STATUS = { message: 2, code: 3 } as const;
const KEY_VALUE = { key: 1, value: 2 } as const;
const VALUE = { string: 1, bool: 2, int: 3, double: 4 } as const;

const STATUS_ERROR = 2;
const FLAG_SAMPLED = 0x1;
const FLAG_KNOWS_REMOTE = 0x100;
const FLAG_REMOTE = 0x200;

/** Longest text of an attribute, in characters: clients name paths and models as they like. */
const MAX_TEXT = 512;

/** What all spans of a process have in common. */
export interface Resource {
  readonly attributes: Attributes;
  readonly version: string;
}

/** Encodes the spans of one process. */
export class OtlpEncoder {
  readonly #writer = new ProtoWriter();
  readonly #resource: Uint8Array<ArrayBuffer>;
  readonly #scope: Uint8Array<ArrayBuffer>;

  constructor({ attributes, version }: Resource) {
    const writer = this.#writer;
    writer.message(
      RESOURCE_SPANS.resource,
      () => this.#attributes(RESOURCE.attributes, attributes),
    );
    this.#resource = writer.take();
    writer.message(SCOPE_SPANS.scope, () => {
      writer.string(SCOPE.name, "pd-router");
      writer.string(SCOPE.version, version);
    });
    this.#scope = writer.take();
  }

  /** A span as the field of a batch that it becomes. */
  span(span: Span): Uint8Array<ArrayBuffer> {
    const writer = this.#writer;
    writer.message(SCOPE_SPANS.spans, () => this.#span(span));
    return writer.take();
  }

  /** A whole `ExportTraceServiceRequest` of spans that were encoded. */
  batch(spans: ByteParts): ByteParts {
    const inner = this.#scope.length + byteLength(spans);
    const scopeHead = headOf(RESOURCE_SPANS.scopeSpans, inner);
    const outer = this.#resource.length + scopeHead.length + inner;
    const head = headOf(REQUEST.resourceSpans, outer);
    return [head, this.#resource, scopeHead, this.#scope, ...spans];
  }

  #span(span: Span): void {
    const writer = this.#writer;
    const { parentId, state, events = [], failure, remoteParent } = span;
    writer.hex(SPAN.traceId, span.traceId);
    writer.hex(SPAN.spanId, span.spanId);
    if (state !== undefined) writer.string(SPAN.state, state);
    if (parentId !== undefined) writer.hex(SPAN.parentId, parentId);
    writer.string(SPAN.name, span.name);
    writer.uint(SPAN.kind, SPAN_KINDS[span.kind]);
    writer.nanos(SPAN.start, span.startMs);
    writer.nanos(SPAN.end, Math.max(span.startMs, span.endMs));
    this.#attributes(SPAN.attributes, span.attributes);
    for (const event of events) writer.message(SPAN.events, () => this.#event(event));
    if (failure !== undefined) {
      writer.message(SPAN.status, () => {
        writer.string(STATUS.message, failure.slice(0, MAX_TEXT));
        writer.uint(STATUS.code, STATUS_ERROR);
      });
    }
    const remote = remoteParent === true ? FLAG_REMOTE : 0;
    writer.fixed32(SPAN.flags, FLAG_SAMPLED | FLAG_KNOWS_REMOTE | remote);
  }

  #event({ name, unixMs, attributes = {} }: SpanEvent): void {
    this.#writer.nanos(EVENT.time, unixMs);
    this.#writer.string(EVENT.name, name);
    this.#attributes(EVENT.attributes, attributes);
  }

  #attributes(field: number, attributes: Attributes): void {
    const writer = this.#writer;
    for (const [key, value] of Object.entries(attributes)) {
      if (value === undefined) continue;
      writer.message(field, () => {
        writer.string(KEY_VALUE.key, key);
        writer.message(KEY_VALUE.value, () => this.#value(value));
      });
    }
  }

  #value(value: string | number | boolean): void {
    const writer = this.#writer;
    if (typeof value === "string") writer.string(VALUE.string, value.slice(0, MAX_TEXT));
    else if (typeof value === "boolean") writer.bool(VALUE.bool, value);
    else if (Number.isSafeInteger(value)) writer.int(VALUE.int, value);
    else writer.double(VALUE.double, value);
  }
}

/** What stands before a message of `size` bytes in `field`. */
function headOf(field: number, size: number): Uint8Array {
  const bytes = [field * 8 + 2];
  let rest = size;
  for (; rest > 0x7f; rest = Math.floor(rest / 0x80)) bytes.push(rest % 0x80 | 0x80);
  bytes.push(rest);
  return Uint8Array.from(bytes);
}
