import { atOnce, decodeUtf8, encodeUtf8 } from "../../lib/base/mod.ts";
import { countersIn, GAUGE_MERGES, Metrics, MetricsMerge } from "../../lib/metrics/mod.ts";
import { METRICS, STACK_METRICS } from "../../lib/metrics/mod.ts";
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";

async function merged(all: readonly Metrics[]): Promise<string> {
  const merge = new MetricsMerge();
  for (const metrics of all) atOnce(merge.add(encodeUtf8(await metrics.text())));
  return decodeUtf8(atOnce(merge.text()));
}

function valueOf(text: string, series: string): number {
  const line = text.split("\n").find((each) => each.startsWith(`${series} `));
  return Number(line?.slice(series.length + 1));
}

Deno.test("MetricsMerge of one text is the text", async () => {
  const metrics = new Metrics();
  metrics.count("pd_router_requests_total", { endpoint: "/a b", route: "x", outcome: "ok" }, 3);
  metrics.observe("pd_router_request_seconds", { route: "direct" }, 0.3);
  metrics.set("pd_router_accepting", {}, 1);
  const text = await metrics.text();
  assertEquals(await merged([metrics]), text);
});

Deno.test("MetricsMerge sums counters and histograms, and takes gauges by their kind", async () => {
  const all = [new Metrics(), new Metrics(), new Metrics()];
  all.forEach((metrics, index) => {
    metrics.count("pd_router_drains_total", { result: "ok" }, index + 1);
    metrics.observe("pd_router_request_seconds", { route: "direct" }, 0.2 * (index + 1));
    metrics.set("pd_router_client_connections", {}, 10);
    metrics.set("pd_router_accepting", {}, index === 1 ? 0 : 1);
    metrics.set("pd_router_pairs_shut", {}, index);
    metrics.replace("vllm:avg_latency", [{ labels: { server: "http://a" }, value: index }]);
  });
  all[2]?.count("pd_router_drains_total", { result: "failed" }, 5);
  const text = await merged(all);
  const found = [
    'pd_router_drains_total{result="ok"}',
    'pd_router_drains_total{result="failed"}',
    'pd_router_request_seconds_count{route="direct"}',
    'pd_router_request_seconds_bucket{le="0.25",route="direct"}',
    "pd_router_client_connections",
    "pd_router_accepting",
    "pd_router_pairs_shut",
    'vllm:avg_latency{server="http://a"}',
  ].map((series) => valueOf(text, series));
  assertEquals(found, [6, 5, 3, 1, 30, 0, 2, 1]);
  assertEquals(
    text.split("\n").filter((line) => line.startsWith("# TYPE")).length,
    Object.keys({ ...METRICS, ...STACK_METRICS }).length,
  );
});

Deno.test("MetricsMerge.addSeries() adds to what is told, and to nothing else", async () => {
  const metrics = new Metrics();
  const merge = new MetricsMerge();
  atOnce(merge.add(encodeUtf8(await metrics.text())));
  const key = 'pd_router_workers{state="serving"}';
  assert(!merge.tells("pd_router_workers", key));
  merge.addSeries("pd_router_workers", new Map([[key, 2]]));
  merge.addSeries("unheard_of", new Map([["unheard_of", 1]]));
  assert(merge.tells("pd_router_workers", key));
  const text = decodeUtf8(atOnce(merge.text()));
  assertStringIncludes(text, `${key} 2\n`);
  assert(!text.includes("unheard_of"));
});

Deno.test("countersIn() reads counters and histograms, with infinite bounds, and no gauges", async () => {
  const metrics = new Metrics();
  metrics.count("pd_router_drains_total", { result: "ok" }, 2);
  metrics.set("pd_router_accepting", {}, 1);
  metrics.observe("pd_router_kv_wait_seconds", { end: "ready" }, 100);
  const counters = atOnce(countersIn(encodeUtf8(await metrics.text())));
  assertEquals(
    counters.get("pd_router_drains_total")?.get('pd_router_drains_total{result="ok"}'),
    2,
  );
  assertEquals(
    counters.get("pd_router_kv_wait_seconds")?.get(
      'pd_router_kv_wait_seconds_bucket{le="+Inf",end="ready"}',
    ),
    1,
  );
  assertEquals(counters.has("pd_router_accepting"), false);
});

Deno.test("GAUGE_MERGES name gauges", () => {
  const kinds: Readonly<Record<string, { readonly kind: string }>> = {
    ...METRICS,
    ...STACK_METRICS,
  };
  for (const name of Object.keys(GAUGE_MERGES)) assertEquals(kinds[name]?.kind, "gauge", name);
});
