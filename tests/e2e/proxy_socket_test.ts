import { comparable } from "../support/answers.ts";
import { assertEquals } from "../support/assert.ts";
import { MODEL, startCluster, total } from "../support/cluster.ts";
import { post } from "../support/router.ts";

Deno.test("handoffs over the ZeroMQ addon's socket are answered as one engine would", async () => {
  await using cluster = await startCluster({
    prefills: 2,
    decodes: 2,
    router: { handoff: { proxySocket: "zeromq" } },
  });
  const count = 20;
  const body = (index: number): Record<string, unknown> => ({
    model: MODEL,
    prompt: `Request ${index}: tell me about the river. [[sim:len 12]]`,
    max_tokens: 20,
    stream: index % 2 === 0,
  });
  const bodies = Array.from({ length: count }, (_, index) => body(index));
  for (const batch of [bodies.slice(0, 4), bodies.slice(4)]) {
    await Promise.all(batch.map(async (body) => {
      const [ours, theirs] = await Promise.all([
        post(`${cluster.url}/v1/completions`, body).then(comparable),
        post(`${cluster.single.url}/v1/completions`, body).then(comparable),
      ]);
      assertEquals(ours, theirs);
    }));
  }
  await cluster.quiet();
  const { decodes } = cluster;
  assertEquals(
    [total(decodes, "externalHits"), total(decodes, "recomputes"), total(decodes, "staleReads")],
    [count, 0, 0],
  );
});
