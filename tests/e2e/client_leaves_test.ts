import type { SimEngine } from "../../lib/sim/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { type Cluster, type ClusterShape, MODEL, startCluster, total } from "../support/cluster.ts";
import { eventually } from "../support/eventually.ts";
import { post } from "../support/router.ts";

/** Ask, and leave after `leaveWhen` holds (or after the first bytes, when streaming). */
async function leave(
  cluster: Cluster,
  stream: boolean,
  leaveWhen: () => boolean,
): Promise<void> {
  const controller = new AbortController();
  const asked = post(`${cluster.url}/v1/completions`, {
    model: MODEL,
    prompt: `A long story, please (${stream}). [[sim:len 400]]`,
    max_tokens: 500,
    stream,
  }, { signal: controller.signal });
  const settled = asked.then((answer) => answer.text()).then(() => false, () => true);
  await eventually(leaveWhen, () => "the phase to leave in");
  controller.abort();
  assert(await settled, "the client has left");
}

interface Phase {
  readonly name: string;
  readonly shape: ClusterShape;
  readonly reached: (cluster: Cluster) => boolean;
}

/** Requests for completions that reached `engines`. */
function generations(engines: readonly SimEngine[]): number {
  return engines.reduce(
    (count, engine) => count + (engine.stats().requestsByPath["/v1/completions"] ?? 0),
    0,
  );
}

const PHASES: readonly Phase[] = [
  {
    name: "while the prefill runs",
    shape: { prefill: { ttftMs: 200 } },
    reached: ({ prefills }) => generations(prefills) > 0,
  },
  {
    name: "while the KV is awaited",
    shape: { prefill: { notify: 300 } },
    reached: ({ prefills, router }) =>
      total(prefills, "prefills") > 0 &&
      prefills.every((engine) => engine.stats().runningNow === 0) &&
      router.app.stats().waiters > 0,
  },
  {
    name: "while the decode leg opens",
    shape: { decode: { ttftMs: 200, itlMs: 10 } },
    reached: ({ decodes }) => generations(decodes) > 0,
  },
  {
    name: "while tokens come",
    shape: { decode: { itlMs: 10 } },
    reached: ({ decodes }) => decodes.some((engine) => engine.stats().runningNow > 0),
  },
];

for (const { name, shape, reached } of PHASES) {
  for (const stream of [true, false]) {
    Deno.test(`a client that leaves ${name} leaves nothing behind, stream ${stream}`, async () => {
      await using cluster = await startCluster(shape);
      await leave(cluster, stream, () => reached(cluster));
      await cluster.quiet();
      assertEquals(total(cluster.decodes, "staleReads"), 0);
      assertEquals(total(cluster.decodes, "recomputes"), 0);
      for (const engine of cluster.prefills) {
        assertEquals(engine.stats().abortedBeforeFirstToken, 0);
      }
      const tokens = cluster.decodes.reduce(
        (sum, engine) => sum + engine.stats().generationTokens,
        0,
      );
      assert(tokens < 300, `the decode was stopped early, at ${tokens} tokens`);
      assert(generations(cluster.decodes) > 0, "the KV was read, or drained");
    });
  }
}

const SHAPES: Readonly<Record<string, ClusterShape>> = {
  "P1": {},
  "D1": { modes: ["d1"] },
  "NixlConnector": { protocol: "nixl" },
  "shared storage": { protocol: "shared_storage" },
};

for (const [name, shape] of Object.entries(SHAPES)) {
  Deno.test(`clients that leave at random times leave nothing behind, ${name}`, async () => {
    await using cluster = await startCluster({
      prefills: 2,
      decodes: 2,
      prefill: { ttftMs: 5, notify: 3 },
      decode: { itlMs: 2, ttftMs: 2 },
      ...shape,
    });
    await Promise.all(Array.from({ length: 100 }, async (_, index) => {
      const controller = new AbortController();
      const timer = setTimeout(() => controller.abort(), index % 50);
      try {
        const answer = await post(`${cluster.url}/v1/chat/completions`, {
          model: MODEL,
          messages: [{ role: "user", content: `Story ${index} [[sim:len 60]]` }],
          max_tokens: 100,
          stream: index % 2 === 0,
        }, { signal: controller.signal });
        await answer.text();
      } catch (error) {
        assert(error instanceof DOMException, String(error));
      } finally {
        clearTimeout(timer);
      }
    }));
    await cluster.quiet();
    for (const engine of cluster.decodes) {
      const { staleReads, doubleUses, expired } = engine.stats();
      assertEquals([staleReads, doubleUses, expired], [0, 0, 0]);
    }
    for (const engine of cluster.prefills) {
      assertEquals(engine.stats().heldKv, 0, "blocks lent are fetched, so that they are freed");
    }
  });
}
