import { assertEquals } from "../support/assert.ts";
import { type Cluster, MODEL, startCluster } from "../support/cluster.ts";
import { eventually } from "../support/eventually.ts";
import { post } from "../support/router.ts";
import { comparable, type ComparableAnswer } from "../support/answers.ts";

function ask(url: string, index: number): Promise<ComparableAnswer> {
  return post(`${url}/v1/chat/completions`, {
    model: MODEL,
    messages: [{ role: "user", content: `Number ${index}, please. [[sim:len 9]]` }],
    max_tokens: 30,
    stream: true,
  }).then(comparable);
}

async function figures({ url }: Cluster): Promise<string> {
  return await (await fetch(`${url}/metrics`)).text();
}

for (const role of ["prefill", "decode"] as const) {
  Deno.test(`a ${role} engine that went down is gone around as soon as a request has failed`, async () => {
    await using cluster = await startCluster({
      prefills: 2,
      decodes: 2,
      router: { handoff: { kvReadyTimeoutMs: 2_000 } },
    });
    const engine = role === "prefill" ? cluster.prefills[0] : cluster.decodes[0];
    const up = `pd_router_engine_up{server="${engine?.url}",role="${role}"}`;
    assertEquals((await figures(cluster)).includes(`${up} 1\n`), true);
    await engine?.stop();
    // Long before the engines are asked of themselves: every 30 s.
    await eventually(
      async () => {
        await ask(cluster.url, 0); // It may fail: nobody knows yet.
        return (await figures(cluster)).includes(`${up} 0\n`);
      },
      () => `${up} 0`,
      30_000,
    );
    for (let round = 0; round < 8; round++) {
      assertEquals(await ask(cluster.url, round), await ask(cluster.single.url, round));
    }
  });
}
