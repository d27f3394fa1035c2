import { assertEquals } from "../support/assert.ts";
import { comparable } from "../support/answers.ts";
import { MODEL, startCluster, total } from "../support/cluster.ts";
import { post } from "../support/router.ts";

for (const protocol of ["lmcache", "nixl"] as const) {
  Deno.test(`a prefill whose kept connection is lost is begun anew, not sent again: ${protocol}`, async () => {
    await using cluster = await startCluster({ protocol });
    const ask = (text: string): Record<string, unknown> => ({
      model: MODEL,
      prompt: `${text} [[sim:len 8]]`,
      max_tokens: 10,
    });
    const answerOf = async (url: string, text: string): Promise<unknown> =>
      await comparable(await post(`${url}/v1/completions`, ask(text)));
    // The first request leaves a connection to keep.
    await answerOf(cluster.url, "first");
    const [prefill] = cluster.prefills;
    if (prefill === undefined) throw new Error("no prefill engine");
    prefill.faults.loseAnswer = 1;
    prefill.faults.paths = ["/v1/completions"];
    assertEquals(
      await answerOf(cluster.url, "second"),
      await answerOf(cluster.single.url, "second"),
    );
    assertEquals(total(cluster.prefills, "prefills"), 3);
    const ids = prefill.stats().lastRequests
      .map(({ body }) =>
        JSON.stringify((body as { kv_transfer_params?: unknown })?.kv_transfer_params)
      )
      .filter((params) => params?.includes("req_id"));
    assertEquals(new Set(ids).size, ids.length, "each attempt has an id of its own");
    if (protocol === "lmcache") await cluster.quiet(40_000);
    assertEquals(total(cluster.decodes, "staleReads"), 0);
  });
}
