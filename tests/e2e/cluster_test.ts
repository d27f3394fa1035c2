import { assert, assertEquals } from "../support/assert.ts";
import { comparable } from "../support/answers.ts";
import { eventually } from "../support/eventually.ts";
import { startRedis } from "../support/redis.ts";
import { promptOf, type Replicas, startReplicas } from "../support/replicas.ts";
import { post } from "../support/router.ts";
import { metricOf } from "../support/routers.ts";

/** Ask replica `index` prompt `number`; its text, compared with that of one engine alone. */
async function askRight(replicas: Replicas, index: number, number: number): Promise<void> {
  const body = promptOf(number);
  const [said, right] = await Promise.all(
    [replicas.at(index).url, replicas.single.url].map(async (url) =>
      await comparable(await post(`${url}/v1/completions`, body))
    ),
  );
  assertEquals([said?.status, said?.text], [200, right?.text]);
}

Deno.test("replicas hand notifications to the one that waits, whichever is notified", async () => {
  await using redis = await startRedis();
  await using replicas = await startReplicas({ count: 3, url: redis.url });
  await replicas.met();
  const asked = Array.from({ length: 30 }, (_, number) => askRight(replicas, number % 3, number));
  await Promise.all(asked);
  // Two ranks each, of which the ten requests of replica 0 need no help.
  assertEquals(replicas.at(0).cluster.post, { handedOver: 40, expired: 0, overflowed: 0 });
  for (const index of [1, 2]) assertEquals(replicas.at(index).cluster.stats.received, 20);
  assertEquals(replicas.decode.stats().recomputes, 0);
  const { url } = replicas.at(0);
  const series = 'pd_router_cluster_notices_total{result="handed_over"}';
  assertEquals(await metricOf(url, series), 40);
  assertEquals(await metricOf(url, "pd_router_cluster_replicas"), 3);
  const health = await (await fetch(`${url}/health`)).json();
  assertEquals(health.cluster, {
    replica: replicas.at(0).cluster.tag,
    redis: "connected",
    replicas: "3",
  });
});

Deno.test("a Redis that is killed and started again loses no notification, and no replica", async () => {
  await using redis = await startRedis();
  await using replicas = await startReplicas({ count: 2, url: redis.url });
  await replicas.met();
  await redis.kill();
  await eventually(() => replicas.all.every(({ cluster }) => !cluster.connected));
  // Its own requests are served, and those of the other wait for the Redis.
  await askRight(replicas, 0, 1);
  const waiting = askRight(replicas, 1, 2);
  await redis.restart();
  await waiting;
  await replicas.met();
  assertEquals(replicas.decode.stats().recomputes, 0);
  const lost = 'pd_router_cluster_problems_total{kind="lost"}';
  assertEquals(await metricOf(replicas.at(0).url, lost), 1);
});

Deno.test("a Redis that accepts and answers nothing is found out, and joined when it goes on", async () => {
  await using redis = await startRedis();
  await using replicas = await startReplicas({ count: 2, url: redis.url });
  await replicas.met();
  redis.freeze();
  const sinceMs = performance.now();
  await eventually(() => replicas.all.every(({ cluster }) => !cluster.connected));
  assert(performance.now() - sinceMs < 8_000);
  const health = await (await fetch(`${replicas.at(1).url}/health`)).json();
  assertEquals([health.status, health.cluster.redis], ["healthy", "lost"]);
  redis.thaw();
  await replicas.met();
  await askRight(replicas, 1, 3);
});
