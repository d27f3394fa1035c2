import { openScene } from "../../scripts/real/cluster/scene.ts";
import { rightTexts, startLoad } from "../../scripts/real/cluster/load.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { eventually } from "../support/eventually.ts";
import { metricOf } from "../support/routers.ts";

/** Clients at a time. */
const CLIENTS = 4;

Deno.test("a replica that is killed under load takes its own answers with it, and nothing else", async () => {
  await using scene = await openScene(3);
  const right = await rightTexts(scene.single.url);
  const load = startLoad(scene.url, right, CLIENTS);
  const { tally } = load;
  await eventually(() => tally.right >= 12);
  scene.replicas.at(-1)?.send("SIGKILL");
  const before = tally.right;
  await eventually(() => tally.right >= before + 24, () => JSON.stringify(tally), 60_000);
  for (const { url } of scene.replicas.slice(0, -1)) {
    await eventually(async () => await metricOf(url, "pd_router_cluster_replicas") === 2);
  }
  await load.stop();
  assertEquals([tally.wrong, tally.hung], [0, 0]);
  assert(tally.lost <= CLIENTS, JSON.stringify(tally));
  assertEquals(scene.misses().staleReads, 0);
  const handed = 'pd_router_cluster_notices_total{result="handed_over"}';
  assert(await scene.sum(handed) > 0);
});
