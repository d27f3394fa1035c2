import { assertEquals } from "../support/assert.ts";
import { eventually } from "../support/eventually.ts";
import { startRedis } from "../support/redis.ts";
import { promptOf, startReplicas } from "../support/replicas.ts";
import { post } from "../support/router.ts";
import { metricOf } from "../support/routers.ts";

Deno.test("limits of a key hold across replicas, and each by itself without the Redis", async () => {
  await using redis = await startRedis();
  const file = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(file, `[{"name": "t", "key": "sk", "tokens_per_minute": 60}]`);
    await using replicas = await startReplicas({
      ...{ count: 2, url: redis.url },
      router: { doors: { keys: { given: [], file, open: ["/metrics"] } } },
    });
    await replicas.met();
    const [one, other] = [replicas.at(0), replicas.at(1)];
    const headers = { authorization: "Bearer sk" };
    const ask = async (url: string): Promise<number> => {
      const answer = await post(`${url}/v1/completions`, promptOf(1), { headers });
      await answer.text();
      return answer.status;
    };
    // What one has let in, the other knows.
    assertEquals(await ask(one.url), 200);
    await eventually(async () => await ask(one.url) === 429);
    await eventually(async () => await ask(other.url) === 429);
    await redis.kill();
    await eventually(() => !other.cluster.connected);
    await eventually(async () => await metricOf(other.url, "pd_router_gossip_peers") === 0);
    // What has been used stays used.
    assertEquals(await ask(other.url), 429);
  } finally {
    await Deno.remove(file);
  }
});
