/** Engines that are started anew at their addresses, and engines that come to others. */
import type { SimEngine } from "../../lib/sim/mod.ts";
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";
import { type Cluster, MODEL, startCluster, startSim } from "../support/cluster.ts";
import { eventually } from "../support/eventually.ts";
import { engineAt, post, startRouter } from "../support/router.ts";
import { ScriptedSource } from "../support/scripted_source.ts";

/** Far longer than a test may take: what ends, ends for another reason. */
const NEVER_MS = 3_600_000;

async function ask(url: string, prompt: string): Promise<readonly [number, string]> {
  const body = { model: MODEL, prompt, max_tokens: 6, temperature: 0 };
  const response = await post(`${url}/v1/completions`, body);
  return [response.status, await response.text()];
}

async function metricsOf(url: string): Promise<string> {
  return await (await fetch(`${url}/metrics`)).text();
}

/** Two engines of each role, of which the router has its source from the test. */
async function followed(): Promise<Cluster & { readonly source: ScriptedSource }> {
  const source = new ScriptedSource();
  const cluster = await startCluster({
    prefills: 2,
    decodes: 2,
    router: {
      health: { retryShare: 1 },
      handoff: { kvReadyTimeoutMs: NEVER_MS, finishedReqTtlMs: NEVER_MS },
    },
    source: (records) => {
      for (const record of records) source.upsert({ ...record, started: "1" });
      source.synced();
      return source;
    },
  });
  return { ...cluster, source };
}

for (const side of ["prefill", "decode"] as const) {
  Deno.test(`what waits for KV of a ${side} engine that is started anew ends at once, and is handed off again`, async () => {
    const cluster = await followed();
    await using _cluster = cluster;
    const { router, records, source } = cluster;
    for (const { faults } of cluster.prefills) faults.dropNotification = true;
    const asked = Array.from({ length: 8 }, (_, at) => ask(cluster.url, `Number ${at}`));
    const dropped = (): number =>
      cluster.prefills.reduce((sum, { stats }) => sum + stats().notificationsDropped, 0);
    await eventually(() => dropped() === 8 * 2, () => `${dropped()} notifications`);
    for (const { faults } of cluster.prefills) faults.dropNotification = false;
    for (const [at, record] of records.filter(({ role }) => role === side).entries()) {
      // What was handed off again has come through.
      await eventually(() => router.app.stats().waiters === 8 - 4 * at);
      source.upsert({ ...record, started: "2" });
      // The other of its side serves meanwhile.
      const ready = `pd_router_engine_state{server="${record.url}",state="ready"} 1`;
      await eventually(async () => (await metricsOf(cluster.url)).includes(ready));
    }
    const answers = await Promise.all(asked);
    assertEquals(answers.filter(([status]) => status !== 200), []);
    const told = await metricsOf(cluster.url);
    assertStringIncludes(told, "pd_router_handoff_retries_total");
    for (const { url, role } of records) {
      const line = `pd_router_engine_restarts_total{server="${url}"} 1`;
      assertEquals(told.includes(line), role === side, line);
    }
  });
}

Deno.test("an engine that is started anew at its address is found out without a word of its source", async () => {
  const first = await startSim({ role: "any" }, 1);
  const { url } = first;
  await using router = await startRouter([engineAt(url, "any", { models: [] })], {
    stats: { engineIntervalMs: 1_000, requestWindowMs: 60_000, log: false, logIntervalMs: 10_000 },
  });
  const restarts = `pd_router_engine_restarts_total{server="${url}"}`;
  await eventually(async () =>
    (await metricsOf(router.url)).includes(
      `pd_router_engine_readings_total{server="${url}",result="read"}`,
    )
  );
  assertEquals((await ask(router.url, "one"))[0], 200);
  await first.stop();
  await eventually(async () => {
    await ask(router.url, "two");
    return (await metricsOf(router.url)).includes('pd_router_engines_shut{role="any"');
  });
  await using _second: SimEngine = await startSim({ role: "any", port: Number(new URL(url).port) });
  await eventually(async () => (await metricsOf(router.url)).includes(`${restarts} 1`));
  await eventually(async () => (await ask(router.url, "three"))[0] === 200);
  const told = await metricsOf(router.url);
  assertStringIncludes(told, `pd_router_engine_state{server="${url}",state="ready"} 1`);
});

Deno.test("an engine that comes to others has ever more of their requests", async () => {
  await using stack = new AsyncDisposableStack();
  const engines: SimEngine[] = [];
  for (let at = 0; at < 4; at++) engines.push(stack.use(await startSim({ role: "any" }, at)));
  const records = engines.map((engine) => ({
    ...engineAt(engine.url, "any"),
    kv: "none" as const,
  }));
  const source = ScriptedSource.of(records.slice(0, 3));
  const slowStartMs = 4_000;
  await using router = await startRouter([], {
    health: { slowStartMs },
    ports: { sources: [source] },
  });
  const [last] = records.slice(3);
  const newcomer = engines[3];
  assert(last !== undefined && newcomer !== undefined);
  source.upsert(last);
  /** Requests in all, and those that the newcomer has had, by what `/engines` tells of its share. */
  const seen: { readonly share: number; readonly got: number }[] = [];
  const told = async (): Promise<Readonly<Record<string, unknown>>> => {
    const list = await (await fetch(`${router.url}/engines`)).json();
    return list.find(({ url }: { url: string }) => url === last.url);
  };
  await eventually(async () => (await told())?.["state"] === "slow_start");
  for (;;) {
    const before = newcomer.stats().directs;
    const { share = 1 } = await told();
    const count = 40;
    for (let at = 0; at < count; at++) assertEquals((await ask(router.url, `${at}`))[0], 200);
    const got = newcomer.stats().directs - before;
    const { state, share: after = 1 } = await told();
    const most = count * Number(after) / (3 + Number(after));
    assert(got <= most + 2, `${got} of ${count} with a share of ${after}`);
    seen.push({ share: Number(share), got });
    if (state === "ready" && Number(share) === 1) break;
  }
  assert((seen[0]?.got ?? 0) <= 5, JSON.stringify(seen));
  assert((seen.at(-1)?.got ?? 0) >= 8, JSON.stringify(seen));
  assertEquals((await told())["state"], "ready");
});
