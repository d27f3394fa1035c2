import { assertEquals } from "../support/assert.ts";
import { comparable } from "../support/answers.ts";
import { freePort, startSim } from "../support/cluster.ts";
import { eventually } from "../support/eventually.ts";
import { startRedis } from "../support/redis.ts";
import { promptOf } from "../support/replicas.ts";
import { post } from "../support/router.ts";
import { type RouterProcesses, startProcesses } from "../support/router_processes.ts";
import { metricOf } from "../support/routers.ts";

const PASSWORD = "never-to-be-seen";

Deno.test("replicas of two processes each hand notifications to the worker that waits", async () => {
  await using stack = new AsyncDisposableStack();
  const redis = stack.use(await startRedis(["--requirepass", PASSWORD]));
  const ports = [freePort(), freePort()];
  const ranks = 2;
  const decode = stack.use(await startSim({ role: "decode", ranks, skipLastNTokens: 1 }, 100));
  const proxy = { proxyHost: "127.0.0.1", proxyPort: ports[0] ?? 0 };
  const prefill = stack.use(await startSim({ role: "prefill", ranks, ...proxy }, 200));
  const single = stack.use(await startSim({ role: "any" }, 300));
  const replicas: RouterProcesses[] = [];
  for (const port of ports) {
    replicas.push(stack.use(
      await startProcesses({
        launched: true,
        args: [
          "--port=0",
          ...["--nixl-proxy-host=127.0.0.1", `--nixl-proxy-port=${port}`],
          ...["--prefill", prefill.url, "--decode"],
          `${decode.url};init=${decode.initPorts};alloc=${decode.allocPorts}`,
          `--cluster=redis://:${PASSWORD}@127.0.0.1:${redis.port}/1`,
        ],
      }),
    ));
  }
  // Each worker hears its sibling and the two of the other replica.
  for (const { url } of replicas) {
    await eventually(async () => await metricOf(url, "pd_router_gossip_peers") === 3);
  }
  const asked = Array.from({ length: 24 }, async (_, number) => {
    const body = promptOf(number);
    const [said, right] = await Promise.all(
      [replicas[number % 2]?.url, single.url].map(async (url) =>
        await comparable(await post(`${url}/v1/completions`, body))
      ),
    );
    assertEquals([said?.status, said?.text], [200, right?.text]);
  });
  await Promise.all(asked);
  assertEquals(decode.stats().recomputes, 0);
  const [notified, other] = replicas;
  const series = "pd_router_cluster_notices_total";
  assertEquals(await metricOf(notified?.url ?? "", `${series}{result="handed_over"}`), 24);
  assertEquals(await metricOf(other?.url ?? "", `${series}{result="received"}`), 24);
  const health = await (await fetch(`${other?.url}/health`)).json();
  assertEquals([health.status, health.cluster.redis], ["healthy", "connected"]);
  for (const replica of replicas) assertEquals(replica.text().includes(PASSWORD), false);
});
