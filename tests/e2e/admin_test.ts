/** Engines that are added, drained and removed by the admin API under streams: on real sockets. */
import type { SimEngine } from "../../lib/sim/mod.ts";
import { ask, startAdminRouter } from "../support/admin.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { freePort, MODEL, startSim } from "../support/cluster.ts";
import { eventually } from "../support/eventually.ts";
import { engineAt, post } from "../support/router.ts";

/** One token every 15 ms: a stream of 40 lasts for more than half a second. */
const SLOW = { itlMs: 15 } as const;

function idOf({ url }: SimEngine): string {
  return new URL(url).host;
}

function listed({ url }: SimEngine): { url: string; role: "any"; models: readonly string[] } {
  return { url, role: "any", models: [] };
}

/** Begin `count` streams; each resolves to its whole text. */
async function streams(url: string, count: number): Promise<readonly Promise<string>[]> {
  const bodies: Promise<string>[] = [];
  for (let index = 0; index < count; index++) {
    const answer = await post(`${url}/v1/completions`, {
      model: MODEL,
      prompt: `Tell me of river ${index}`,
      max_tokens: 40,
      stream: true,
    });
    assertEquals(answer.status, 200);
    bodies.push(answer.text());
  }
  return bodies;
}

/** Requests that each engine has been sent. */
function asked(engine: SimEngine): number {
  return engine.stats().requestsByPath["/v1/completions"] ?? 0;
}

async function whole(texts: readonly Promise<string>[]): Promise<void> {
  for (const text of await Promise.all(texts)) {
    assert(text.trimEnd().endsWith("data: [DONE]"), text.slice(-300));
    assert(!text.includes('"error"'), text.slice(-300));
  }
}

Deno.test("POST /admin/engines adds an engine to a router without any, which then serves", async () => {
  await using router = await startAdminRouter([]);
  await using engine = await startSim(SLOW);
  const refused = await post(`${router.url}/v1/completions`, { model: MODEL, prompt: "x" });
  await refused.body?.cancel();
  assertEquals(refused.status, 404);
  const added = await ask(router.adminUrl, "POST", "/admin/engines", { body: { url: engine.url } });
  assertEquals(added.status, 201);
  assertEquals(added.headers.get("location"), `/admin/engines/${encodeURIComponent(idOf(engine))}`);
  await eventually(async () =>
    (await ask(router.adminUrl, "GET", added.headers.get("location") ?? "")).json.models[0] ===
      MODEL
  );
  await whole(await streams(router.url, 3));
  assertEquals(asked(engine), 3);
});

Deno.test("draining breaks no stream, lets nothing in, and reports when the engine is idle", async () => {
  await using one = await startSim(SLOW, 1);
  await using other = await startSim(SLOW, 2);
  await using router = await startAdminRouter([listed(one), listed(other)]);
  const running = await streams(router.url, 20);
  const before = asked(one);
  assert(before > 0 && asked(other) > 0);
  const path = `/admin/engines/${idOf(one)}`;
  const told = await ask(router.adminUrl, "POST", `${path}/drain`);
  assertEquals([told.status, told.json.state, told.json.drained], [200, "draining", true]);
  assert(told.json.inflight > 0);
  // Streams end meanwhile, at the engine first.
  await eventually(async () => {
    const { json } = await ask(router.adminUrl, "GET", path);
    return json.inflight === one.stats().runningNow;
  });
  const later = await streams(router.url, 10);
  assertEquals(asked(one), before);
  const idle = await ask(router.adminUrl, "POST", `${path}/drain?wait=30`);
  assertEquals([idle.json.state, idle.json.inflight], ["drained", 0]);
  assertEquals(one.stats().runningNow, 0);
  await whole([...running, ...later]);
  const back = await ask(router.adminUrl, "POST", `${path}/undrain`);
  assertEquals([back.json.state, back.json.drained], ["ready", false]);
  await whole(await streams(router.url, 10));
  assert(asked(one) > before);
});

Deno.test("DELETE with ?drain=true removes an engine that was added once its streams have ended", async () => {
  await using one = await startSim(SLOW, 1);
  await using other = await startSim(SLOW, 2);
  await using router = await startAdminRouter([listed(one)]);
  const { json: added } = await ask(router.adminUrl, "POST", "/admin/engines", {
    body: { url: other.url, model: MODEL },
  });
  const running = await streams(router.url, 20);
  assert(asked(other) > 0);
  const early = await ask(
    router.adminUrl,
    "DELETE",
    `/admin/engines/${added.id}?drain=1&timeout=0`,
  );
  assertEquals(early.status, 409);
  const gone = await ask(router.adminUrl, "DELETE", `/admin/engines/${added.id}?drain=true`);
  assertEquals([gone.status, gone.json.state, gone.json.inflight], [200, "gone", 0]);
  assertEquals(other.stats().runningNow, 0);
  await whole(running);
  assertEquals((await ask(router.adminUrl, "GET", `/admin/engines/${added.id}`)).status, 404);
  const before = asked(other);
  await whole(await streams(router.url, 5));
  assertEquals(asked(other), before);
});

Deno.test("engines of a handoff are added with what it needs, and drained without a broken stream", async () => {
  const port = freePort();
  const kv = { ranks: 2, kvConnector: "lmcache" } as const;
  await using one = await startSim({ role: "decode", ...kv, ...SLOW }, 1);
  await using other = await startSim({ role: "decode", ...kv, ...SLOW }, 2);
  await using prefill = await startSim(
    { role: "prefill", proxyHost: "127.0.0.1", proxyPort: port, ...kv },
    3,
  );
  await using router = await startAdminRouter(
    [],
    {
      handoff: { proxy: { host: "127.0.0.1", port } },
      discovery: {
        rules: {
          usual: "lmcache",
          receivers: { initPorts: [7300], allocPorts: [7400], firstToken: "prefill" },
          labels: { prefill: [], decode: [] },
          linkLocal: false,
        },
        listed: [],
      },
    },
    [engineAt("http://127.0.0.1:1", "prefill"), engineAt("http://127.0.0.1:2", "decode")],
  );
  for (const engine of [one, other]) {
    const { status } = await ask(router.adminUrl, "POST", "/admin/engines", {
      body: {
        url: engine.url,
        role: "decode",
        model: MODEL,
        nixl: {
          host: "127.0.0.1",
          init_ports: engine.initPorts,
          alloc_ports: engine.allocPorts,
        },
      },
    });
    assertEquals(status, 201);
  }
  await ask(router.adminUrl, "POST", "/admin/engines", {
    body: { url: prefill.url, role: "prefill", model: MODEL },
  });
  const running = await streams(router.url, 16);
  assertEquals(prefill.stats().prefills, 16);
  const drained = await ask(router.adminUrl, "POST", `/admin/engines/${idOf(one)}/drain?wait=30`);
  assertEquals([drained.json.state, one.stats().runningNow], ["drained", 0]);
  await whole(running);
  const before = asked(one);
  assert(before > 0);
  await whole(await streams(router.url, 8));
  assertEquals(asked(one), before);
});
