import { Metrics } from "../../lib/metrics/mod.ts";
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";

Deno.test("Metrics.counterOf() gives the series of its labels, which goes with an engine it names", async () => {
  const metrics = new Metrics();
  const labels = { prefill: "http://p", decode: "http://d", outcome: "ok" };
  metrics.counterOf("pd_router_pair_handoffs_total", labels).add(1);
  metrics.counterOf("pd_router_pair_handoffs_total", { ...labels }).add(2);
  assertStringIncludes(
    await metrics.text(),
    '\npd_router_pair_handoffs_total{prefill="http://p",decode="http://d",outcome="ok"} 3\n',
  );
  metrics.forgetServer("http://p");
  assert(!(await metrics.text()).includes("pd_router_pair_handoffs_total{"));
});

Deno.test("Metrics.histogramOf() records values by their buckets, and passes over what is no number", async () => {
  const metrics = new Metrics();
  const series = metrics.histogramOf("pd_router_inter_token_seconds", {
    model: "m",
    role: "decode",
  });
  for (const value of [0.001, 0.0015, 7, NaN]) series.observe(value);
  const counts = [...(await metrics.text()).matchAll(
    /^pd_router_inter_token_seconds_(?:bucket\{(?:.*,)?le="([^"]+)".*\}|count\{.*\}) (\d+)$/gm,
  )].map(([, bound = "count", count]) => [bound, Number(count)]);
  assertEquals(
    counts.filter(([bound]) => ["0.001", "0.0025", "+Inf", "count"].includes(`${bound}`)),
    [
      ["0.001", 1],
      ["0.0025", 2],
      ["+Inf", 3],
      ["count", 3],
    ],
  );
});
