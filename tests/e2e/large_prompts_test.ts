/** Prompts whose buffers are given back by hand: what is answered is right, also where a part is asked again. */
import { assert, assertEquals } from "../support/assert.ts";
import { type ClusterShape, MODEL, startCluster, total } from "../support/cluster.ts";
import { post } from "../support/router.ts";
import { type Told, told } from "../support/told.ts";

/** What a prefill that fails may have written is waited for that long. */
const handoff = { kvReadyTimeoutMs: 1_500 };

const WAYS: Readonly<Record<string, ClusterShape>> = {
  "P1": { router: { handoff } },
  "P1, ids told by the prefill": {
    router: { handoff, tokenize: { how: "prefill", cacheBytes: 0 } },
  },
  "D1": { router: { handoff }, modes: ["d1"] },
  "NixlConnector": { protocol: "nixl" },
  "shared storage": { protocol: "shared_storage" },
};

/** Requests with prompts of so many bytes, whole and streamed, of both endpoints, with and without ids. */
function requests(sizes: readonly number[]): readonly { path: string; body: object }[] {
  return sizes.flatMap((size, index) =>
    [false, true].flatMap((stream) =>
      [false, true].map((chat) => {
        const text = `${index} ${"river kv 42 ".repeat(size / 12)} [[sim:len 9]]`;
        const prompt = chat ? { messages: [{ role: "user", content: text }] } : { prompt: text };
        const ids = index % 2 === 0 ? { return_token_ids: true } : {};
        return {
          path: chat ? "/v1/chat/completions" : "/v1/completions",
          body: { model: MODEL, temperature: 0, max_tokens: 12, stream, ...prompt, ...ids },
        };
      })
    )
  );
}

for (const [way, shape] of Object.entries(WAYS)) {
  Deno.test(`prompts of up to 200 KB are answered as by one engine: ${way}`, async () => {
    const counts = { prefills: 2, decodes: 2 };
    await using cluster = await startCluster({ ...counts, ...shape });
    const paths = ["/v1/completions", "/v1/chat/completions"];
    const read = (answer: Response): Promise<Told> => told(answer, false);
    const asked = requests([12_000, 40_000, 90_000, 200_000]);
    const compare = async (): Promise<void> => {
      for (let at = 0; at < asked.length; at += 4) {
        await Promise.all(
          asked.slice(at, at + 4).map(async ({ path, body }) => {
            const [ours, theirs] = await Promise.all([
              post(cluster.url + path, body).then(read),
              post(cluster.single.url + path, body).then(read),
            ]);
            assertEquals(ours, theirs, `${path} ${JSON.stringify(body).length}`);
          }),
        );
      }
    };
    await compare();
    // What is asked once more, and what is reclaimed behind the answer, has all of it.
    for (const [engine] of [cluster.prefills, cluster.decodes]) {
      assert(engine !== undefined);
      Object.assign(engine.faults, { errorAnswer: 1, paths });
      await compare();
      assertEquals(engine.faults.errorAnswer, 0, "it has failed once");
    }
    await cluster.quiet();
    assertEquals(total(cluster.decodes, "staleReads"), 0);
    for (const engine of [...cluster.prefills, ...cluster.decodes]) {
      assertEquals(engine.stats().badRequests, 0);
    }
  });
}
