import { assertEquals, assertStringIncludes } from "../support/assert.ts";
import { MODEL, startCluster, startSim } from "../support/cluster.ts";
import { eventually } from "../support/eventually.ts";
import { engineAt, post, startRouter } from "../support/router.ts";

const ASK = { model: MODEL, prompt: "hi", max_tokens: 1 };
const CONTROL = { control: { engines: true, passThrough: [] } } as const;

async function statusOf(answer: Promise<Response>): Promise<number> {
  const { status, body } = await answer;
  await body?.cancel();
  return status;
}

Deno.test("a sleeping engine gets nothing until it is woken up", async () => {
  await using one = await startSim({ role: "any", ttftMs: 0 });
  await using other = await startSim({ role: "any", ttftMs: 0 });
  const engines = [engineAt(one.url, "any"), engineAt(other.url, "any")];
  await using router = await startRouter(engines);
  const { url } = router;
  const id = new URL(one.url).host;
  const ask = (query = ""): Promise<number> => statusOf(post(`${url}/v1/completions${query}`, ASK));
  const asleep = async (): Promise<boolean> =>
    (await (await fetch(`${url}/is_sleeping?id=${id}`)).json()).is_sleeping;
  assertEquals(await asleep(), false);
  assertEquals(await statusOf(fetch(`${url}/sleep?id=${id}&level=1`, { method: "POST" })), 200);
  assertEquals(await asleep(), true);
  for (let turn = 0; turn < 6; turn++) assertEquals(await ask(), 200);
  assertEquals([one.stats().finished, other.stats().finished], [0, 6]);
  const listed = await (await fetch(`${url}/engines`)).json();
  assertEquals(
    listed.map((each: { readonly sleeping?: boolean }) => each.sleeping).toSorted(),
    [true, undefined],
  );
  const metrics = await (await fetch(`${url}/metrics`)).text();
  assertStringIncludes(metrics, 'pd_router_engines_sleeping{role="any"} 1');
  assertEquals(await ask(`?id=${id}`), 503);
  const otherId = new URL(other.url).host;
  assertEquals(await statusOf(fetch(`${url}/sleep?id=${otherId}`, { method: "POST" })), 200);
  assertEquals(await ask(), 503);
  assertEquals(await statusOf(fetch(`${url}/wake_up?id=${id}`, { method: "POST" })), 200);
  assertEquals(await ask(), 200);
  assertEquals([one.stats().finished, other.stats().finished], [1, 6]);
});

Deno.test("a router that comes later finds who sleeps, and who was woken up by others", async () => {
  await using engine = await startSim({ role: "any", ttftMs: 0 });
  await statusOf(fetch(`${engine.url}/sleep`, { method: "POST" }));
  await using router = await startRouter([engineAt(engine.url, "any")], CONTROL);
  const ask = (): Promise<number> => statusOf(post(`${router.url}/v1/completions`, ASK));
  assertEquals(await ask(), 503);
  assertEquals(engine.stats().requestsByPath["/v1/completions"], undefined);
  await statusOf(fetch(`${engine.url}/wake_up`, { method: "POST" }));
  assertEquals(
    await statusOf(fetch(`${router.url}/is_sleeping?id=${new URL(engine.url).host}`)),
    200,
  );
  await eventually(async () => await ask() === 200);
});

Deno.test("handoffs go around a decode engine that sleeps", async () => {
  await using cluster = await startCluster({ decodes: 2, router: CONTROL });
  const [first, second] = cluster.decodes;
  const id = new URL(first?.url ?? "").host;
  assertEquals(await statusOf(fetch(`${cluster.url}/sleep?id=${id}`, { method: "POST" })), 200);
  for (let turn = 0; turn < 4; turn++) {
    const ask = { ...ASK, max_tokens: 8 };
    assertEquals(await statusOf(post(`${cluster.url}/v1/completions`, ask)), 200);
  }
  assertEquals([first?.stats().decodes, second?.stats().decodes], [0, 4]);
  await cluster.quiet();
});
