import { atOnce, decodeUtf8, encodeUtf8 } from "../../lib/base/mod.ts";
import { Metrics, MetricsMerge } from "../../lib/metrics/mod.ts";
import { Departed } from "../../lib/workers/departed.ts";
import { assert, assertStringIncludes } from "../support/assert.ts";

const OK = { endpoint: "/v1/completions", route: "direct", outcome: "ok" } as const;

async function textOf(count: (metrics: Metrics) => void): Promise<Uint8Array> {
  const metrics = new Metrics();
  count(metrics);
  return encodeUtf8(await metrics.text());
}

Deno.test("Departed keeps what was counted, so that sums do not fall", async () => {
  const departed = new Departed();
  const before = await textOf((metrics) => {
    metrics.count("pd_router_requests_total", OK, 5);
    metrics.set("pd_router_client_connections", {}, 9);
    metrics.count("pd_router_engine_restarts_total", { server: "http://gone" });
    metrics.count("pd_router_engine_restarts_total", { server: "http://there" });
  });
  departed.note(1, before);
  atOnce(departed.end(1));
  // It has told nothing since.
  atOnce(departed.end(1));
  const merge = new MetricsMerge();
  atOnce(merge.add(
    await textOf((metrics) => {
      metrics.count("pd_router_requests_total", OK, 2);
      metrics.set("pd_router_client_connections", {}, 1);
      metrics.count("pd_router_engine_restarts_total", { server: "http://there" });
    }),
  ));
  departed.addTo(merge);
  const text = decodeUtf8(atOnce(merge.text()));
  assertStringIncludes(
    text,
    'pd_router_requests_total{endpoint="/v1/completions",route="direct",outcome="ok"} 7\n',
  );
  assertStringIncludes(text, "pd_router_client_connections 1\n");
  assertStringIncludes(text, 'pd_router_engine_restarts_total{server="http://there"} 2\n');
  assert(!text.includes("http://gone"), "of an engine that has gone nothing is told");
});
