import { Metrics, type MetricSpec, SeriesTable } from "../../lib/metrics/mod.ts";
import { assert, assertEquals, assertStringIncludes, assertThrows } from "../support/assert.ts";

const SPECS = {
  "a_seconds": { kind: "histogram", help: "A\\b.", labels: ["model"], buckets: [0.1, 1] },
  "b_total": { kind: "counter", help: "B.", labels: ["prefill", "decode"] },
  "c_total": { kind: "counter", help: "C.", labels: [] },
} as const satisfies Readonly<Record<string, MetricSpec>>;

Deno.test("SeriesTable writes counters and histograms in the Prometheus text format", () => {
  const table = new SeriesTable(SPECS);
  const a = table.histogram("a_seconds", { model: 'x"\\\n' });
  for (const value of [0.1, 0.5, 7, NaN]) a.observe(value);
  table.counter("c_total", {}).add(2);
  assertEquals(table.text().split("\n"), [
    "# HELP a_seconds A\\\\b.",
    "# TYPE a_seconds histogram",
    'a_seconds_bucket{model="x\\"\\\\\\n",le="0.1"} 1',
    'a_seconds_bucket{model="x\\"\\\\\\n",le="1"} 2',
    'a_seconds_bucket{model="x\\"\\\\\\n",le="+Inf"} 3',
    'a_seconds_sum{model="x\\"\\\\\\n"} 7.6',
    'a_seconds_count{model="x\\"\\\\\\n"} 3',
    "# HELP b_total B.",
    "# TYPE b_total counter",
    "# HELP c_total C.",
    "# TYPE c_total counter",
    "c_total 2",
    "",
  ]);
});

Deno.test("SeriesTable has one series for the same labels, in whatever order", () => {
  const table = new SeriesTable(SPECS);
  table.counter("b_total", { prefill: "p", decode: "d" }).add(1);
  table.counter("b_total", { decode: "d", prefill: "p" }).add(1);
  assertStringIncludes(table.text(), 'b_total{prefill="p",decode="d"} 2\n');
});

Deno.test("SeriesTable.forget() drops what names an engine, and begins anew after that", () => {
  const table = new SeriesTable(SPECS);
  for (const [prefill, decode] of [["p", "d"], ["d", "e"], ["p", "e"]] as const) {
    table.counter("b_total", { prefill, decode }).add(5);
  }
  table.forget("d");
  const lines = (): readonly string[] =>
    table.text().split("\n").filter((line) => line.startsWith("b_total"));
  assertEquals(lines(), ['b_total{prefill="p",decode="e"} 5']);
  table.counter("b_total", { prefill: "p", decode: "d" }).add(1);
  assertEquals(lines().at(-1), 'b_total{prefill="p",decode="d"} 1');
});

Deno.test("SeriesTable knows no other metric", () => {
  assertThrows(() => new SeriesTable(SPECS).counter("d_total", {}), RangeError, "d_total");
});

Deno.test("Metrics.text() has the held series behind the others, and forgets them with an engine", async () => {
  const metrics = new Metrics();
  const labels = { prefill: "http://p", decode: "http://d", outcome: "ok" };
  metrics.counterOf("pd_router_pair_handoffs_total", labels).add(1);
  metrics.count("pd_router_hooks_total", { hook: "pre_request", result: "ok" });
  const text = await metrics.text();
  assertStringIncludes(text, 'pd_router_hooks_total{hook="pre_request",result="ok"} 1\n');
  assertStringIncludes(
    text,
    '\npd_router_pair_handoffs_total{prefill="http://p",decode="http://d",outcome="ok"} 1\n',
  );
  assertEquals(text.match(/^# TYPE pd_router_pair_handoffs_total counter$/gm)?.length, 1);
  metrics.forgetServer("http://p");
  assert(!(await metrics.text()).includes("pd_router_pair_handoffs_total{"));
});
