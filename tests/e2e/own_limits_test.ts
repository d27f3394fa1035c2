import type { SimOptions } from "../../lib/sim/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { MODEL, startCluster, startSim } from "../support/cluster.ts";
import { post } from "../support/router.ts";
import { told } from "../support/told.ts";

/** Requests that set no limit, and would go on for ever. */
const REQUESTS = {
  "/v1/completions": { model: MODEL, prompt: "Tell me of the sea", ignore_eos: true },
  "/v1/chat/completions": {
    model: MODEL,
    messages: [{ role: "user", content: "Tell me of the sea" }],
    ignore_eos: true,
  },
} as const;

/** What the engines are started with, in a context that is soon full. */
const ENGINES: readonly (readonly [name: string, options: Partial<SimOptions>])[] = [
  ["no limit of their own", {}],
  ["a default for chats", { maxNewTokens: 25 }],
  ["a default beyond the context", { maxNewTokens: 5_000 }],
  ["a ceiling", { overrideMaxNewTokens: 7 }],
  ["a ceiling of one token", { overrideMaxNewTokens: 1 }],
  ["a default and a ceiling", { maxNewTokens: 40, overrideMaxNewTokens: 20 }],
];

for (const [name, own] of ENGINES) {
  const options = { maxModelLen: 120, ...own };
  for (const mode of ["p1", "d1"] as const) {
    Deno.test(`${mode} without a limit answers as one engine with ${name}`, async () => {
      await using alone = await startSim(options);
      await using cluster = await startCluster({
        prefill: options,
        decode: options,
        modes: [mode],
      });
      for (const [path, request] of Object.entries(REQUESTS)) {
        for (const stream of [false, true]) {
          const body = stream
            ? { ...request, stream, stream_options: { include_usage: true } }
            : request;
          const expected = await told(await post(alone.url + path, body));
          const answer = await told(await post(cluster.url + path, body));
          assertEquals(answer.choice, expected.choice, path);
          assertEquals(usageOf(answer.usage), usageOf(expected.usage), path);
          assertEquals(answer.status, 200);
        }
      }
      assert(cluster.prefills.every((engine) => engine.stats().prefills > 0));
      assertEquals(cluster.decodes[0]?.stats().recomputes, 0);
      await cluster.quiet();
    });
  }
}

function usageOf(usage: unknown): unknown {
  const { prompt_tokens, completion_tokens } = usage as Record<string, number>;
  return { prompt_tokens, completion_tokens };
}

Deno.test("a decode engine is asked for its own limit once, and no more for requests that set one", async () => {
  await using cluster = await startCluster({ decode: { overrideMaxNewTokens: 7 } });
  const path = "/v1/chat/completions";
  const request = REQUESTS[path];
  const asked = (): number => cluster.decodes[0]?.stats().badRequests ?? 0;
  const limited = await post(cluster.url + path, { ...request, max_tokens: 3 });
  await limited.body?.cancel();
  assertEquals(asked(), 0);
  for (let count = 0; count < 3; count++) {
    const answer = await (await post(cluster.url + path, request)).json();
    assertEquals(answer.usage.completion_tokens, 7);
  }
  assertEquals(asked(), 1);
  await cluster.quiet();
});
