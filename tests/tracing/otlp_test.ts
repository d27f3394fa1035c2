import { ProtobufTraceSerializer } from "@opentelemetry/otlp-transformer";
import fc from "fast-check";
import { concatBytes } from "../../lib/base/mod.ts";
import { OtlpEncoder } from "../../lib/tracing/otlp.ts";
import type { Span } from "../../lib/tracing/span.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { readBatches, readMessage } from "../support/otlp.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";

const SPAN: Span = {
  traceId: TRACE,
  spanId: "b7ad6b7169203331",
  name: "POST /v1/completions",
  kind: "server",
  startMs: 1_700_000_000_000.125,
  endMs: 1_700_000_001_234.5,
  attributes: { text: "h\u00e4llo", whole: 42, part: 0.5, on: true, off: false, none: undefined },
};

function encoderOf(attributes: Readonly<Record<string, string>> = { "service.name": "x" }) {
  return new OtlpEncoder({ attributes, version: "1.2.3" });
}

function read(spans: readonly Span[]) {
  const encoder = encoderOf();
  return readBatches(concatBytes(encoder.batch(spans.map((span) => encoder.span(span)))));
}

Deno.test("OtlpEncoder writes what the definitions say", () => {
  const [batch, ...more] = read([SPAN]);
  assertEquals(more, []);
  assertEquals(batch?.resource, { "service.name": "x" });
  assertEquals(batch?.scope, { name: "pd-router", version: "1.2.3" });
  assertEquals(batch?.spans, [{
    traceId: TRACE,
    spanId: "b7ad6b7169203331",
    parentId: "",
    state: "",
    name: "POST /v1/completions",
    kind: 2,
    startNs: 1_700_000_000_000_125_000n,
    endNs: 1_700_000_001_234_500_000n,
    attributes: { text: "h\u00e4llo", whole: 42, part: 0.5, on: true, off: false },
    events: [],
    statusCode: 0,
    statusMessage: "",
    flags: 0x101,
  }]);
});

Deno.test("OtlpEncoder writes parents, states, events and failures", () => {
  const [batch] = read([{
    ...SPAN,
    kind: "client",
    parentId: "00f067aa0ba902b7",
    remoteParent: true,
    state: "a=b",
    events: [{ name: "first_token", unixMs: 1_700_000_000_500, attributes: { why: "x" } }],
    failure: "decode-failed",
  }]);
  const [span] = batch?.spans ?? [];
  assertEquals(
    [span?.parentId, span?.state, span?.kind, span?.statusCode, span?.statusMessage, span?.flags],
    ["00f067aa0ba902b7", "a=b", 3, 2, "decode-failed", 0x301],
  );
  assertEquals(span?.events, [{
    name: "first_token",
    timeNs: 1_700_000_000_500_000_000n,
    attributes: { why: "x" },
  }]);
});

Deno.test("OtlpEncoder ends no span before it begins, and cuts long texts", () => {
  const [batch] = read([{ ...SPAN, endMs: 5, attributes: { long: "x".repeat(100_000) } }]);
  const [span] = batch?.spans ?? [];
  assertEquals(span?.startNs, span?.endNs);
  assertEquals(String(span?.attributes["long"]).length, 512);
});

const anyValue = fc.oneof(
  fc.string({ unit: "binary", maxLength: 400 }).map((text) => text.toWellFormed()),
  fc.boolean(),
  fc.maxSafeInteger(),
  fc.double({ noNaN: true }),
);
const anySpan: fc.Arbitrary<Span> = fc.record({
  traceId: fc.constant(TRACE),
  spanId: fc.constant("b7ad6b7169203331"),
  name: fc.string({ maxLength: 200 }),
  kind: fc.constantFrom("internal", "server", "client"),
  startMs: fc.integer({ min: 0, max: 4e12 }),
  endMs: fc.integer({ min: 4e12, max: 5e12 }),
  attributes: fc.dictionary(fc.string({ minLength: 1, maxLength: 40 }), anyValue, {
    noNullPrototype: true,
  }),
});

Deno.test("OtlpEncoder writes any spans so that they are read again", () => {
  fc.assert(
    fc.property(fc.array(anySpan, { maxLength: 8 }), (spans) => {
      const [batch] = read(spans);
      assertEquals(batch?.spans.map(({ name }) => name), spans.map(({ name }) => name));
      batch?.spans.forEach(({ attributes, startNs }, at) => {
        const span = spans[at];
        assertEquals(startNs, BigInt(span?.startMs ?? 0) * 1_000_000n);
        // A whole number is written as one, so that there is no zero below zero.
        const plain = Object.entries(span?.attributes ?? {}).map(([name, value]) =>
          [name, Object.is(value, -0) ? 0 : value] as const
        );
        assertEquals(Object.entries(attributes).sort(), plain.sort());
      });
    }),
    { numRuns: 60 },
  );
});

/** The fields of a message, those that are messages read too, in any order. */
function tree(bytes: Uint8Array, depth: number): unknown {
  const fields = [...readMessage(bytes)].sort(([one], [other]) => one - other);
  return fields.map(([field, values]) => [
    field,
    values.map((value) => typeof value === "bigint" || depth === 0 ? value : inner(value, depth)),
  ]);
}

function inner(value: Uint8Array, depth: number): unknown {
  try {
    return tree(value, depth - 1);
  } catch {
    // A text.
    return value;
  }
}

Deno.test("OtlpEncoder writes the same as OpenTelemetry's own serializer", () => {
  const attributes = { "gen_ai.request.model": "m", "server.port": 8000, share: 0.25, on: true };
  const resource = {
    attributes: { "service.name": "x" },
    asyncAttributesPending: false,
    getRawAttributes: () => [["service.name", "x"] as [string, string]],
    merge: () => resource,
  };
  const context = (spanId: string) => ({ traceId: TRACE, spanId, traceFlags: 1 });
  const theirs = ProtobufTraceSerializer.serializeRequest([{
    name: "decode",
    kind: 2,
    spanContext: () => context("b7ad6b7169203331"),
    parentSpanContext: context("00f067aa0ba902b7"),
    startTime: [1_700_000_000, 125_000],
    endTime: [1_700_000_001, 234_500_000],
    status: { code: 2, message: "decode-failed" },
    attributes,
    links: [],
    events: [{ name: "first_token", time: [1_700_000_000, 500_000_000], attributes: { n: -3 } }],
    duration: [1, 0],
    ended: true,
    resource,
    instrumentationScope: { name: "pd-router", version: "1.2.3" },
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  }]);
  assert(theirs !== undefined);
  const encoder = encoderOf();
  const ours = encoder.batch([encoder.span({
    ...SPAN,
    kind: "client",
    parentId: "00f067aa0ba902b7",
    name: "decode",
    startMs: 1_700_000_000_000.125,
    endMs: 1_700_000_001_234.5,
    attributes,
    events: [{ name: "first_token", unixMs: 1_700_000_000_500, attributes: { n: -3 } }],
    failure: "decode-failed",
  })]);
  assertEquals(readBatches(concatBytes(ours)), readBatches(theirs));
  assertEquals(written(concatBytes(ours)), written(theirs));
});

/** What is written, without zeros, which stand for what is not. */
function written(bytes: Uint8Array): string {
  const text = JSON.stringify(
    tree(bytes, 6),
    (_key, value) =>
      typeof value === "bigint" ? Number(value) : value instanceof Uint8Array ? [...value] : value,
  );
  return text.replaceAll(/,?\[\d+,\[0\]\]/g, "");
}
