import { assertEquals } from "../support/assert.ts";
import { engineAt, post, startRouter } from "../support/router.ts";
import { startScripted } from "../support/scripted_engine.ts";

const REQUEST = { model: "m", prompt: "hi", max_tokens: 1 };
const ENDPOINTS = ["/v1/completions", "/v1/chat/completions", "/v1/responses", "/v1/messages"];

/** How `promise` stands, without waiting for it. */
async function isPending(promise: Promise<unknown>): Promise<boolean> {
  const pending = {};
  return await Promise.race([promise, Promise.resolve(pending)]) === pending;
}

Deno.test("requests that need an engine wait until all have said what they serve", async () => {
  const known = Promise.withResolvers<void>();
  await using engine = startScripted(() => Response.json({ choices: [] }), known.promise);
  await using router = await startRouter([engineAt(engine.url, "any")], { unprobed: true });
  const listed = fetch(`${router.url}/v1/models`);
  const card = fetch(`${router.url}/v1/models/m`);
  const answers = [...ENDPOINTS, "/v1/embeddings"].map((path) => post(router.url + path, REQUEST));
  for (const path of ["/health", "/version", "/metrics", "/engines"]) {
    const answer = await fetch(router.url + path);
    await answer.body?.cancel();
    assertEquals(answer.status, 200, path);
  }
  for (const waiting of [listed, card, ...answers]) assertEquals(await isPending(waiting), true);
  assertEquals(engine.asked, []);
  known.resolve();
  assertEquals((await (await listed).json()).data.map(({ id }: { id: string }) => id), ["m"]);
  assertEquals((await (await card).json()).id, "m");
  for (const answer of answers) assertEquals(await (await answer).json(), { choices: [] });
});

Deno.test("the first requests are handed off, however late the prefill engine says its model", async () => {
  const known = Promise.withResolvers<void>();
  await using prefill = startScripted(() => Response.json({ choices: [] }), known.promise);
  await using decode = startScripted(() => Response.json({ choices: [] }));
  await using router = await startRouter([
    engineAt(prefill.url, "prefill"),
    engineAt(decode.url, "decode"),
  ], { unprobed: true, handoff: { kind: "shared_storage" } });
  const answer = post(`${router.url}/v1/completions`, REQUEST);
  while (!(await engines(router.url)).includes("decode m")) await Promise.resolve();
  assertEquals([await isPending(answer), decode.asked.length], [true, 0]);
  known.resolve();
  assertEquals((await (await answer).json()).choices, []);
  assertEquals([prefill.asked.length, decode.asked.length], [1, 1]);
});

/** Role and models of each engine, as the router has them. */
async function engines(url: string): Promise<string[]> {
  const listed: { readonly role: string; readonly serving_models: readonly string[] }[] =
    await (await fetch(`${url}/engines`)).json();
  return listed.map((each) => `${each.role} ${each.serving_models}`);
}

Deno.test("requests that waited are ended by a router that stops", async () => {
  const known = Promise.withResolvers<void>();
  await using engine = startScripted(() => Response.json({ choices: [] }), known.promise);
  const router = await startRouter([engineAt(engine.url, "any")], { unprobed: true });
  const answer = post(`${router.url}/v1/completions`, REQUEST);
  await (await fetch(`${router.url}/health`)).body?.cancel();
  await router[Symbol.asyncDispose]();
  const { status } = await answer;
  await (await answer).body?.cancel();
  known.resolve();
  assertEquals(status, 503);
});
