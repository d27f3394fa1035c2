import { type Engine, type LegEnd, seededRandom } from "../../lib/base/mod.ts";
import type { Sampler } from "../../lib/config/mod.ts";
import type { RequestOutcome } from "../../lib/request/mod.ts";
import { RequestTrace } from "../../lib/request/mod.ts";
import { OtlpEncoder, Tracer } from "../../lib/tracing/mod.ts";
import { concatBytes } from "../../lib/base/mod.ts";
import { assert, assertEquals, assertMatch, assertNotEquals } from "../support/assert.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { readBatches, type ReadSpan } from "../support/otlp.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const CLIENT = "b7ad6b7169203331";
const ENGINE: Engine = { id: "d", url: "http://d:8000", role: "decode", models: [], kv: "lmcache" };
const PREFILL: Engine = { ...ENGINE, id: "p", url: "https://p", role: "prefill" };

function setUp(sampler: Sampler = { parentBased: true, ratio: 1 }) {
  const clock = new FakeClock();
  const encoder = new OtlpEncoder({ attributes: {}, version: "1" });
  const told: Uint8Array[] = [];
  const tracer = new Tracer({
    clock,
    random: seededRandom(1),
    sampler,
    encoder,
    onSpan: (span) => told.push(span),
  });
  const begin = (fields: Readonly<Record<string, string>> = {}, endpoint = "/v1/completions") => {
    const trace = new RequestTrace(clock);
    Object.assign(trace, { id: "r", method: "POST", path: endpoint, model: "m", status: 200 });
    trace.spans = tracer.begin({ headers: { get: (name) => fields[name] }, endpoint });
    return trace;
  };
  const end = (trace: RequestTrace, outcome: RequestOutcome = "ok", code?: "decode-failed") => {
    trace.end = { outcome, atMs: clock.now(), code };
    tracer.ended(trace);
  };
  const spans = (): readonly ReadSpan[] =>
    readBatches(concatBytes(encoder.batch(told))).flatMap((batch) => batch.spans);
  return { clock, begin, end, spans };
}

const PARENT = { traceparent: `00-${TRACE}-${CLIENT}-01`, tracestate: "a=b,c=d" };

function ended(end: Partial<LegEnd>): LegEnd {
  return { leg: "decode", engine: ENGINE, end: "ok", ms: 5, status: 200, ...end };
}

Deno.test("Tracer goes on with the client's trace, and hands it on to each leg by its own span", async () => {
  const { clock, begin, end, spans } = setUp();
  const trace = begin(PARENT);
  assertEquals(trace.traceId, TRACE);
  const fields = [["x-a", "1"], ["Traceparent", "old"], ["tracestate", "a=b,c=d"]] as const;
  const given: string[] = [];
  for (const leg of ["prefill", "decode", "decode"]) {
    const span = trace.spans?.leg();
    const sent = span?.onto(fields, "/v1/completions?a=b", "POST") ?? [];
    assertEquals(sent.slice(0, -1), [["x-a", "1"], ["tracestate", "a=b,c=d"]]);
    given.push(sent.at(-1)?.[1] ?? "");
    await clock.advance(5);
    span?.end(ended({ leg }));
  }
  trace.route = "handoff_p1";
  trace.pair = { prefill: PREFILL, decode: ENGINE };
  end(trace);
  const all = spans();
  const request = all.at(-1);
  assertEquals(all.map(({ name }) => name), [
    ...["prefill", "decode", "decode", "POST /v1/completions"],
  ]);
  assertEquals([request?.parentId, request?.kind, request?.flags], [CLIENT, 2, 0x301]);
  assertEquals(new Set(all.map(({ spanId }) => spanId)).size, 4);
  for (const [at, leg] of all.slice(0, 3).entries()) {
    assertEquals([leg.traceId, leg.parentId, leg.kind], [TRACE, request?.spanId, 3]);
    assertEquals(leg.state, "a=b,c=d");
    assertEquals(given[at], `00-${TRACE}-${leg.spanId}-01`);
    assertEquals(leg.endNs - leg.startNs, 5_000_000n);
    assertEquals(leg.attributes["url.path"], "/v1/completions");
    assertEquals(leg.attributes["http.request.resend_count"], at === 2 ? 1 : undefined);
  }
  assertEquals(request?.startNs, 1_700_000_000_000_000_000n);
  assertEquals(request?.endNs, 1_700_000_000_015_000_000n);
  assertEquals(
    [request?.attributes["pd.prefill"], request?.attributes["pd.decode"]],
    ["p", "d"],
  );
});

Deno.test("Tracer begins a trace where there is none, or one that is none: its state goes with it", () => {
  for (const traceparent of [undefined, "", "00-zz", `00-${TRACE}-${CLIENT}-01, 00-x`]) {
    const { begin, end, spans } = setUp();
    const fields = { tracestate: "a=b", ...(traceparent === undefined ? {} : { traceparent }) };
    const trace = begin(fields);
    assertNotEquals(trace.traceId, TRACE);
    assertMatch(trace.traceId ?? "", /^[0-9a-f]{32}$/);
    const sent = trace.spans?.leg().onto(Object.entries(fields), "/x", "GET") ?? [];
    assertEquals(sent.map(([name]) => name), ["traceparent"]);
    end(trace);
    assertEquals(spans().map(({ parentId, state }) => [parentId, state]), [["", ""]]);
  }
});

Deno.test("Tracer hands no state on that is none", () => {
  const { begin } = setUp();
  const fields = { ...PARENT, tracestate: "A" };
  const trace = begin(fields);
  const sent = trace.spans?.leg().onto(Object.entries(fields), "/x", "GET") ?? [];
  assertEquals(sent.map(([name]) => name), ["traceparent"]);
  assertEquals(trace.traceId, TRACE);
});

Deno.test("Tracer tells engines of what is not sampled, and exports none of it", () => {
  for (
    const [sampler, fields] of [
      [{ parentBased: true, ratio: 1 }, { traceparent: `00-${TRACE}-${CLIENT}-00` }],
      [{ parentBased: true, ratio: 0 }, {}],
      [{ parentBased: false, ratio: 0 }, PARENT],
    ] as const
  ) {
    const { begin, end, spans } = setUp(sampler);
    const trace = begin(fields);
    assertEquals(trace.traceId, undefined);
    const leg = trace.spans?.leg();
    const [[, context = ""] = ["", ""]] = leg?.onto([], "/x", "GET") ?? [];
    assertMatch(context, /^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
    leg?.end(ended({}));
    end(trace);
    assertEquals(spans(), []);
  }
});

Deno.test("Tracer tells of failures where they are ones", () => {
  const rows = [
    ["ok", 0],
    ["client_error", 0],
    ["client_gone", 0],
    ["server_error", 2],
    ["stream_error", 2],
  ] as const;
  for (const [outcome, status] of rows) {
    const { begin, end, spans } = setUp();
    const trace = begin();
    end(trace, outcome, status === 2 ? "decode-failed" : undefined);
    const [span] = spans();
    assertEquals(span?.statusCode, status, outcome);
    assertEquals(span?.attributes["error.type"], status === 2 ? "decode-failed" : undefined);
    assertEquals(span?.attributes["pd.outcome"], outcome);
    const events = span?.events.map(({ name }) => name) ?? [];
    assertEquals(events, outcome === "client_gone" ? ["client_gone"] : []);
  }
  const { begin, spans } = setUp();
  const trace = begin();
  for (const [end, code] of [["failed", "decode-failed"], ["left", undefined]] as const) {
    trace.spans?.leg().end(ended({ end, code }));
  }
  const [failed, left] = spans();
  assertEquals([failed?.statusCode, failed?.statusMessage], [2, "decode-failed"]);
  assertEquals([left?.statusCode, left?.attributes["pd.end"]], [0, "left"]);
});

Deno.test("Tracer tells of tokens that an engine has told, not of those that are estimated", () => {
  const { clock, begin, spans } = setUp();
  const trace = begin();
  const chosen = trace.spans?.leg();
  clock.advance(0);
  chosen?.end(ended({ tokens: { prompt: 7, answer: 3 }, firstMs: 2, model: "m" }));
  trace.spans?.leg().end(ended({ tokens: { prompt: 7, answer: 3, about: true }, model: "m" }));
  const [told, about] = spans();
  assertEquals(
    [told?.attributes["gen_ai.usage.input_tokens"], told?.attributes["gen_ai.usage.output_tokens"]],
    [7, 3],
  );
  assertEquals(about?.attributes["gen_ai.usage.input_tokens"], undefined);
  const [first] = told?.events ?? [];
  assertEquals([first?.name, first && first.timeNs - (told?.startNs ?? 0n)], [
    "first_token",
    2_000_000n,
  ]);
});

Deno.test("Tracer begins a leg's span when it is sent, as KV may be waited for before", async () => {
  const { clock, begin, spans } = setUp();
  const leg = begin().spans?.leg();
  await clock.advance(40);
  leg?.onto([], "/v1/completions", "POST");
  await clock.advance(10);
  leg?.end(ended({ ms: 50, firstMs: 45 }));
  const [span] = spans();
  assert(span !== undefined);
  assertEquals(span.endNs - span.startNs, 10_000_000n);
  assertEquals((span.events[0]?.timeNs ?? 0n) - span.startNs, 5_000_000n);
});

Deno.test("Tracer tells of legs that end behind their request", () => {
  const { begin, end, spans } = setUp();
  const trace = begin();
  const leg = trace.spans?.leg();
  end(trace, "client_gone");
  leg?.end(ended({ leg: "prefill" }));
  const [request, late] = spans();
  assertEquals([late?.name, late?.parentId], ["prefill", request?.spanId]);
});

Deno.test("Tracer tells of waits, of a request's parts too", async () => {
  const { clock, begin, end, spans } = setUp();
  const trace = begin();
  for (const part of [trace.part(), trace.part()]) {
    part.add("queued");
    await clock.advance(3);
    part.add("admitted");
    part.spans?.leg().end(ended({ leg: "direct" }));
  }
  trace.route = "fan_out";
  end(trace);
  assertEquals(spans().map(({ name }) => name), [
    ...["direct", "direct", "queue", "queue", "POST /v1/completions"],
  ]);
  assertEquals(trace.parts.length, 2);
});

Deno.test("Tracer names requests by what is known, not by what clients say", () => {
  const { begin, end, spans } = setUp();
  const trace = begin();
  Object.assign(trace, { method: "BREW", path: "/pot" });
  end(trace);
  const [span] = spans();
  assertEquals(span?.name, "HTTP /v1/completions");
  assertEquals(span?.attributes["http.request.method"], "_OTHER");
  assertEquals(span?.attributes["http.request.method_original"], "BREW");
});

Deno.test("Tracer exports nothing of those who were not let in", () => {
  const { begin, end, spans } = setUp();
  const trace = begin();
  trace.status = 401;
  end(trace, "client_error");
  assertEquals(spans(), []);
});

Deno.test("Tracer gives no two requests the same ids", () => {
  const { begin } = setUp();
  const ids = Array.from({ length: 500 }, () => begin().traceId);
  assertEquals(new Set(ids).size, 500);
});

Deno.test("RequestTrace keeps no parts, and has no id, where it is not traced", () => {
  const trace = new RequestTrace(new FakeClock());
  trace.part();
  assertEquals([trace.parts, trace.traceId], [[], undefined]);
});
