import type { SimEngine } from "../../lib/sim/mod.ts";
import { comparable } from "../support/answers.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { type Cluster, MODEL, startCluster } from "../support/cluster.ts";
import { eventually } from "../support/eventually.ts";
import { post } from "../support/router.ts";

const FLEET = {
  router: { health: { frozenAfterMs: 200 } },
};

/** Like a process that was stopped: connections are taken, and nothing is answered. */
function freeze(engine: SimEngine | undefined): void {
  assert(engine);
  engine.faults.frozen = true;
}

function thaw(engine: SimEngine | undefined): void {
  assert(engine);
  engine.faults.frozen = false;
}

function served(engine: SimEngine | undefined): number {
  assert(engine);
  const { prefills, decodes } = engine.stats();
  return prefills + decodes;
}

async function metricsOf({ url }: Cluster): Promise<string> {
  return await (await fetch(`${url}/metrics`)).text();
}

async function ask(cluster: Cluster, index: number, stream: boolean): Promise<unknown> {
  const answer = await comparable(
    await post(`${cluster.url}/v1/chat/completions`, {
      model: MODEL,
      messages: [{ role: "user", content: `Number ${index} [[sim:len 6]]` }],
      max_tokens: 10,
      stream,
    }),
  );
  return [answer.status, answer.errors];
}

for (const side of ["prefills", "decodes"] as const) {
  Deno.test(`a frozen engine of the ${side} is found, gone around by what waited for it, and serves again`, async () => {
    await using cluster = await startCluster({ prefills: 2, decodes: 2, ...FLEET });
    const [frozen] = cluster[side];
    freeze(frozen);
    const answers = await Promise.all(
      // A stream's first token comes of its prefill: what a decode engine owes then is told as an error.
      Array.from({ length: 8 }, (_, index) => ask(cluster, index, side === "prefills")),
    );
    assertEquals(answers, answers.map(() => [200, []]));
    thaw(frozen);
    const before = served(frozen);
    let index = 100;
    await eventually(async () => {
      assertEquals(await ask(cluster, index++, true), [200, []]);
      return served(frozen) > before + 4;
    });
    await cluster.quiet();
  });
}

Deno.test("the only engine of a frozen side is left to its requests' deadlines, and answers yet", async () => {
  await using cluster = await startCluster(FLEET);
  const [frozen] = cluster.decodes;
  freeze(frozen);
  let over = false;
  const asked = ask(cluster, 1, false).finally(() => over = true);
  const shut = `pd_router_engines_shut{role="decode",why="upstream-timeout"} 1`;
  await eventually(async () => (await metricsOf(cluster)).includes(shut));
  assertEquals(over, false);
  thaw(frozen);
  assertEquals(await asked, [200, []]);
  await cluster.quiet();
});

Deno.test("the only engine of a frozen side is waited for no longer than its answer may take", async () => {
  await using cluster = await startCluster({
    router: { ...FLEET.router, timeouts: { firstByteMs: 2_000 } },
  });
  const [frozen] = cluster.decodes;
  freeze(frozen);
  const [status] = await ask(cluster, 1, false) as [number];
  assertEquals(status, 504);
  thaw(frozen);
  await eventually(async () => {
    const [again] = await ask(cluster, 2, true) as [number];
    return again === 200;
  });
});
