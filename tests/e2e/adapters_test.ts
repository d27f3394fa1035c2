import { assertEquals, assertStringIncludes } from "../support/assert.ts";
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
  // Each process of a router asks for itself.
  const most = 3 * router.workers;
  assertEquals(asked() - before <= most, true, `${asked() - before} questions`);
});

const CONTROL = { control: { engines: true, passThrough: [] } } as const;
const LOAD = { lora_name: "lora", lora_path: "/lora" };

Deno.test("an adapter is loaded at every engine of its model, routes at once, and goes again", async () => {
  await using one = await startSim({ role: "any", ttftMs: 0 });
  await using two = await startSim({ role: "any", ttftMs: 0 });
  await using other = await startSim({ role: "any", models: ["other"], ttftMs: 0 });
  // Configured models, too, have adapters that come and go.
  const engines = [
    engineAt(one.url, "any", { models: [MODEL] }),
    engineAt(two.url, "any"),
    engineAt(other.url, "any"),
  ];
  await using router = await startRouter(engines, CONTROL);
  const call = async (path: string, body: unknown): Promise<readonly [number, unknown]> => {
    const answer = await post(`${router.url}${path}`, body);
    const { results, error } = await answer.json();
    return [answer.status, results?.length ?? error.message];
  };
  const ambiguous = await call("/v1/load_lora_adapter", LOAD);
  assertEquals(ambiguous[0], 400);
  assertEquals(await call("/v1/load_lora_adapter", { ...LOAD, model: MODEL }), [200, 2]);
  for (let turn = 0; turn < 4; turn++) {
    const answer = await post(`${router.url}/v1/completions`, ASK);
    assertEquals([answer.status, (await answer.json()).model], [200, "lora"]);
  }
  assertEquals([one.stats().finished, two.stats().finished], [2, 2]);
  assertEquals(other.stats().requestsByPath["/v1/load_lora_adapter"], undefined);
  assertEquals(await call("/v1/unload_lora_adapter", { lora_name: "lora" }), [200, 2]);
  const [status] = await call("/v1/completions", ASK);
  assertEquals(status, 503);
  assertEquals((await call("/v1/unload_lora_adapter", { lora_name: "lora" }))[0], 404);
});

Deno.test("engines that did not load an adapter are named, and what they said", async () => {
  await using one = await startSim({ role: "any", ttftMs: 0 });
  await using two = await startSim({ role: "any", ttftMs: 0 });
  const engines = [engineAt(one.url, "any"), engineAt(two.url, "any")];
  await using router = await startRouter(engines, CONTROL);
  const load = async (body: unknown) => {
    const answer = await post(`${router.url}/v1/load_lora_adapter`, body);
    return { status: answer.status, ...await answer.json() };
  };
  await (await post(`${one.url}/v1/load_lora_adapter`, LOAD)).body?.cancel();
  const partly = await load(LOAD);
  assertEquals(partly.status, 502);
  assertStringIncludes(partly.error.message, "1 of 2 engines did not load the adapter 'lora'");
  assertStringIncludes(partly.error.message, `${new URL(one.url).host}: The lora adapter`);
  assertEquals(
    partly.results.map(({ status }: { readonly status: number }) => status).toSorted(),
    [200, 400],
  );
  const nowhere = await load({ lora_name: "x", lora_path: "/missing" });
  assertEquals([nowhere.status, nowhere.error.code], [404, 404]);
  assertEquals((await load({ lora_name: "x" })).error.param, "lora_path");
  assertEquals((await load([])).status, 400);
  await (await fetch(`${router.url}/sleep?id=${new URL(two.url).host}`, { method: "POST" })).body
    ?.cancel();
  const asleep = await load({ lora_name: "late", lora_path: "/late" });
  assertEquals(asleep.status, 502);
  assertStringIncludes(asleep.error.message, `${new URL(two.url).host}: sleeps`);
});
