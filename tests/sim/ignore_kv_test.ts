import { assert, assertEquals } from "../support/assert.ts";
import { type ClusterShape, MODEL, startCluster, total } from "../support/cluster.ts";
import { post } from "../support/router.ts";

const SHAPES: readonly ClusterShape[] = [
  {},
  { modes: ["d1"] },
  { protocol: "nixl" },
  { protocol: "shared_storage" },
];

for (const shape of SHAPES) {
  const name = `${shape.protocol ?? "lmcache"} ${shape.modes ?? ""}`;
  Deno.test(`fault ignoreKv computes again what has come, and counts no hit: ${name}`, async () => {
    await using cluster = await startCluster(shape);
    const [decode] = cluster.decodes;
    assert(decode !== undefined);
    decode.faults.ignoreKv = 1;
    const ask = async (prompt: string): Promise<unknown> => {
      const body = { model: MODEL, prompt: `${prompt} `.repeat(50), max_tokens: 4 };
      const [ours, right] = await Promise.all(
        [cluster.url, cluster.single.url].map(async (url) =>
          (await (await post(`${url}/v1/completions`, body)).json()).choices[0].text
        ),
      );
      assertEquals(ours, right);
      return ours;
    };
    await ask("tides");
    assertEquals([total(cluster.decodes, "externalHits"), decode.stats().externalHitTokens], [
      0,
      0,
    ]);
    assertEquals(total(cluster.decodes, "recomputes"), 1);
    assertEquals(decode.faults.ignoreKv, 0);
    await ask("rivers");
    assertEquals(total(cluster.decodes, "externalHits"), 1);
    await cluster.quiet();
  });
}
