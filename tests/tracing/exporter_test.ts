import { seededRandom } from "../../lib/base/mod.ts";
import { type ExporterParts, MAX_BATCH, SpanExporter } from "../../lib/tracing/exporter.ts";
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { FakeClock, settle } from "../support/fake_clock.ts";
import { FakeTransport, notingLogger } from "./support.ts";

function setUp(changes: Partial<ExporterParts> = {}) {
  const clock = new FakeClock();
  const transport = new FakeTransport();
  const counts = new Map<string, number>();
  const metrics: ExporterParts["metrics"] = {
    count: (_name, { result = "" }: Readonly<Record<string, string>>, by = 1) => {
      counts.set(result, (counts.get(result) ?? 0) + by);
    },
  };
  const { log, lines } = notingLogger();
  const exporter = new SpanExporter({
    clock,
    random: seededRandom(1),
    log,
    metrics,
    encoder: { batch: (spans) => spans },
    transport,
    collector: "collector:4317",
    ...changes,
  });
  const spans = (count: number): void => {
    for (let at = 0; at < count; at++) exporter.add(Uint8Array.of(at % 256));
  };
  const counted = (result: "exported" | "failed" | "dropped"): number => counts.get(result) ?? 0;
  return { clock, transport, lines, exporter, spans, counted };
}

Deno.test("SpanExporter sends together what has come within a second", async () => {
  const { clock, transport, exporter, spans, counted } = setUp();
  spans(3);
  await clock.advance(999);
  assertEquals(transport.sent.length, 0);
  await clock.advance(1);
  assertEquals(transport.sent, [Uint8Array.of(0, 1, 2)]);
  assertEquals([counted("exported"), exporter.waiting], [3, 0]);
  spans(1);
  await clock.advance(1_000);
  assertEquals(transport.sent.length, 2);
  await exporter[Symbol.asyncDispose]();
  assertEquals([clock.pending, transport.closed], [0, true]);
});

Deno.test("SpanExporter sends a full batch at once, and one at a time", async () => {
  const { clock, transport, exporter, spans, counted } = setUp();
  spans(MAX_BATCH.spans * 3 + 1);
  await settle();
  assertEquals(transport.sent.map(({ length }) => length), [512, 512, 512]);
  assertEquals([transport.most, exporter.waiting], [1, 1]);
  await clock.advance(1_000);
  assertEquals(counted("exported"), 512 * 3 + 1);
  await exporter[Symbol.asyncDispose]();
});

Deno.test("SpanExporter drops and counts what is too much while the collector hangs", async () => {
  const { clock, transport, exporter, spans, counted } = setUp({
    limits: { spans: 600, bytes: 10_000 },
  });
  transport.answer = () => undefined;
  spans(2_000);
  await settle();
  // One batch is on its way.
  assertEquals([transport.sent.length, exporter.waiting], [1, 600]);
  assertEquals(counted("dropped"), 2_000 - 600 - 512);
  transport.answer = () => ({ kind: "taken", refused: 0 });
  await clock.advance(20_000);
  assertEquals(counted("exported"), 600 + 512);
  await exporter[Symbol.asyncDispose]();
  assertEquals(clock.pending, 0);
});

Deno.test("SpanExporter tries again with longer and longer pauses, and says so once", async () => {
  const { clock, transport, lines, exporter, spans, counted } = setUp();
  const at: number[] = [];
  transport.answer = (nth) => {
    at.push(clock.now());
    return nth < 5 ? { kind: "later", why: "refused" } : { kind: "taken", refused: 0 };
  };
  spans(2);
  await clock.advance(40_000);
  const pauses = at.slice(1).map((ms, index) => ms - (at[index] ?? 0));
  assertEquals(pauses.length, 4);
  pauses.forEach((ms, index) => {
    const usual = 1_000 * 2 ** index;
    assert(ms >= usual * 0.5 && ms <= usual * 1.5, `${ms} for ${usual}`);
  });
  assertEquals([counted("exported"), counted("failed")], [2, 0]);
  assertEquals(lines.length, 2);
  assertMatch(lines[0] ?? "", /^warning Traces cannot be exported.*"collector:4317".*"refused"/);
  assertMatch(lines[1] ?? "", /^info Traces are exported again, after \d+ s/);
  await exporter[Symbol.asyncDispose]();
});

Deno.test("SpanExporter waits as long as the collector asks for, half a minute at most", async () => {
  const { clock, transport, exporter, spans } = setUp();
  const at: number[] = [];
  transport.answer = (nth) => {
    at.push(clock.now());
    if (nth === 3) return { kind: "taken", refused: 0 };
    return { kind: "later", why: "busy", afterMs: nth === 1 ? 7_000 : 900_000 };
  };
  spans(1);
  await clock.advance(60_000);
  assertEquals([(at[1] ?? 0) - (at[0] ?? 0), (at[2] ?? 0) - (at[1] ?? 0)], [7_000, 30_000]);
  await exporter[Symbol.asyncDispose]();
});

Deno.test("SpanExporter gives a batch up that is refused, or that cannot be sent for a minute", async () => {
  const { clock, transport, lines, exporter, spans, counted } = setUp();
  transport.answer = () => ({ kind: "refused", why: "400" });
  spans(2);
  await clock.advance(1_000);
  assertEquals([transport.sent.length, counted("failed")], [1, 2]);
  transport.answer = () => ({ kind: "later", why: "down" });
  spans(1);
  await clock.advance(150_000);
  assertEquals(counted("failed"), 3);
  assertEquals(lines.length, 1);
  await exporter[Symbol.asyncDispose]();
  assertEquals(clock.pending, 0);
});

Deno.test("SpanExporter counts what the collector refuses of a batch as failed", async () => {
  const { clock, transport, lines, exporter, spans, counted } = setUp();
  transport.answer = () => ({ kind: "taken", refused: 2, why: "too old" });
  spans(5);
  await clock.advance(1_000);
  assertEquals([counted("exported"), counted("failed")], [3, 2]);
  assertMatch(lines.join(), /it refused 2 spans: too old/);
  transport.answer = () => ({ kind: "taken", refused: 1e9 });
  spans(1);
  await clock.advance(1_000);
  assertEquals([counted("exported"), counted("failed")], [3, 3]);
  await exporter[Symbol.asyncDispose]();
});

Deno.test("SpanExporter gives an attempt up after ten seconds", async () => {
  const { clock, transport, exporter, spans, counted } = setUp();
  transport.answer = (nth) => nth === 1 ? undefined : { kind: "taken", refused: 0 };
  spans(1);
  await clock.advance(10_999);
  assertEquals([transport.sent.length, counted("exported")], [1, 0]);
  await clock.advance(3_000);
  assertEquals([transport.sent.length, counted("exported")], [2, 1]);
  await exporter[Symbol.asyncDispose]();
});

Deno.test("SpanExporter sends what waits when it is disposed", async () => {
  const { clock, transport, exporter, spans, counted } = setUp();
  spans(700);
  spans(1);
  await exporter[Symbol.asyncDispose]();
  assertEquals([counted("exported"), exporter.waiting], [701, 0]);
  assertEquals(transport.sent.map(({ length }) => length), [512, 189]);
  spans(1);
  assertEquals([counted("dropped"), clock.pending, transport.closed], [1, 0, true]);
});

Deno.test("SpanExporter is disposed within a moment, whatever the collector does", async () => {
  for (const answer of [undefined, { kind: "later", why: "down" }] as const) {
    const { clock, transport, exporter, spans, counted } = setUp();
    transport.answer = () => answer;
    spans(3);
    await clock.advance(1_000);
    spans(2);
    const disposed = exporter[Symbol.asyncDispose]();
    await clock.advance(1_500);
    await disposed;
    assertEquals(counted("failed"), 5);
    assertEquals([clock.pending, transport.closed, exporter.waiting], [0, true, 0]);
  }
});
