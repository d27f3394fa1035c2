import { assertEquals } from "../support/assert.ts";
import { MODEL, startSim } from "../support/cluster.ts";
import { engineAt, post, startRouter } from "../support/router.ts";

const ASK = { model: "lora", prompt: "hi", max_tokens: 1 };

Deno.test("an adapter that engines load by themselves is served with the first request for it", async () => {
  await using engine = await startSim({ role: "any", ttftMs: 0 });
  await using router = await startRouter([engineAt(engine.url, "any")]);
  const load = { lora_name: "lora", lora_path: "/lora" };
  await (await post(`${engine.url}/v1/load_lora_adapter`, load)).body?.cancel();
  const answer = await post(`${router.url}/v1/completions`, ASK);
  assertEquals([answer.status, (await answer.json()).model], [200, "lora"]);
});

Deno.test("names that are made up cost the engines a few questions, however many they are", async () => {
  await using engine = await startSim({ role: "any", models: [MODEL], ttftMs: 0 });
  await using router = await startRouter([engineAt(engine.url, "any")]);
  const asked = (): number => engine.stats().requestsByPath["/v1/models"] ?? 0;
  const before = asked();
  const statuses = await Promise.all(Array.from({ length: 50 }, async (_, index) => {
    const answer = await post(`${router.url}/v1/completions`, {
      ...ASK,
      model: `made-up-${index}`,
    });
    await answer.body?.cancel();
    return answer.status;
  }));
  assertEquals(new Set(statuses), new Set([404]));
  assertEquals(asked() - before <= 3, true, `${asked() - before} questions`);
});
