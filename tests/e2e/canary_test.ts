import { createLogger, type Logger, systemClock } from "../../lib/base/mod.ts";
import { noFaults } from "../../lib/sim/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { type Cluster, type ClusterShape, MODEL, startCluster, total } from "../support/cluster.ts";
import { eventually } from "../support/eventually.ts";
import { post } from "../support/router.ts";
import { withPair } from "../support/scripted_pair.ts";

type Line = Readonly<Record<string, unknown>>;

function keptLog(): { readonly log: Logger; readonly lines: Line[] } {
  const lines: Line[] = [];
  const log = createLogger(systemClock(), (line) => void lines.push(JSON.parse(line)), {
    level: "info",
    format: "json",
  });
  return { log, lines };
}

async function figures({ url }: Pick<Cluster, "url">): Promise<string> {
  return await (await fetch(`${url}/metrics`)).text();
}

/** Canaries that have come back, by result. */
async function results(cluster: Pick<Cluster, "url">): Promise<Readonly<Record<string, number>>> {
  const found = (await figures(cluster)).matchAll(
    /^pd_router_canary_total\{result="(\w+)"\} (\d+)$/gm,
  );
  return Object.fromEntries(Array.from(found, ([, name, count]) => [name, Number(count)]));
}

async function whenBack(
  cluster: Pick<Cluster, "url">,
  count: number,
): Promise<Readonly<Record<string, number>>> {
  let seen: Readonly<Record<string, number>> = {};
  await eventually(async () => {
    seen = await results(cluster);
    return Object.values(seen).reduce((sum, each) => sum + each, 0) >= count;
  }, () => JSON.stringify(seen));
  return seen;
}

const ONCE = { canary: { intervalMs: 0 } };

const SHAPES: readonly (readonly [name: string, shape: ClusterShape])[] = [
  ["LMCache P1", {}],
  ["LMCache P1, told", { decode: { promptTokensDetails: true } }],
  ["LMCache D1", { modes: ["d1"] }],
  ["NIXL", { protocol: "nixl" }],
  ["shared storage", { protocol: "shared_storage" }],
];

for (const [name, shape] of SHAPES) {
  Deno.test(`a canary of each pair comes back well, and is nobody's request: ${name}`, async () => {
    const { log, lines } = keptLog();
    await using cluster = await startCluster({
      prefills: 2,
      decodes: 2,
      ...shape,
      router: { ...ONCE, log_: log },
    });
    assertEquals(await whenBack(cluster, 4), { ok: 4 });
    await cluster.quiet();
    assertEquals(total(cluster.prefills, "prefills"), 4);
    assert(total(cluster.decodes, "externalHits") >= 4);
    const text = await figures(cluster);
    // The questions of this test itself are the only requests.
    const counted = text.match(/^pd_router_requests_total\{.*$/gm) ?? [];
    assertEquals(counted.filter((line) => !line.includes('endpoint="/metrics"')), []);
    for (const metric of ["direct_total", "tokenize_total", "kv_wait_seconds_count"]) {
      assertEquals(text.match(new RegExp(`^pd_router_${metric}\\{.*$`, "m")), null, metric);
    }
    assertEquals(lines.filter(({ message }) => String(message).startsWith("Routing")), []);
    const legs = cluster.decodes.flatMap((engine) => engine.stats().lastRequests)
      .filter(({ path }) => path === "/v1/completions");
    for (const { headers } of legs) assert(headers["x-request-id"]?.startsWith("canary-"));
    const engines: { readonly canary: readonly { readonly result: string }[] }[] =
      await (await fetch(`${cluster.url}/engines`)).json();
    assertEquals(engines.map(({ canary }) => canary.map(({ result }) => result)), [
      ["ok", "ok"],
      ["ok", "ok"],
      ["ok", "ok"],
      ["ok", "ok"],
    ]);
  });
}

for (const details of [false, true]) {
  Deno.test(`a canary finds another PYTHONHASHSEED before any request, told ${details}`, async () => {
    const { log, lines } = keptLog();
    await using cluster = await startCluster({
      decode: { hashSeed: "1", promptTokensDetails: details },
      router: { ...ONCE, log_: log },
    });
    assertEquals(await whenBack(cluster, 1), { recomputed: 1 });
    const told = lines.find(({ message }) => String(message).startsWith("KV is not found"));
    assertEquals(told?.["cause"], "hash_seed");
    const [decode] = cluster.decodes;
    const canary = lines.find(({ message }) => String(message).startsWith("Canary: the answer is"));
    assertEquals(canary?.["decode"], decode?.url);
  });
}

Deno.test("a canary finds that the decode engine answers something else alone", async () => {
  const { log, lines } = keptLog();
  // The prefill engine has other weights: its first token is another.
  await using cluster = await startCluster({
    prefill: { seed: 5 },
    router: { ...ONCE, log_: log },
  });
  assertEquals(await whenBack(cluster, 1), { mismatch: 1 });
  assert(lines.some(({ message }) => String(message).startsWith("Canary: the handoff's answer")));
});

Deno.test("a canary that has no answer is told, and keeps nothing", async () => {
  await using cluster = await startCluster({
    router: { ...ONCE, handoff: { kvReadyTimeoutMs: 500 } },
    prefill: { faults: { ...noFaults(), errorAnswer: true } },
  });
  assertEquals(await whenBack(cluster, 1), { failed: 1 });
  await cluster.quiet();
});

Deno.test("canaries are skipped where the context is too short for a chunk", async () => {
  await using cluster = await startCluster({
    router: ONCE,
    prefill: { maxModelLen: 200 },
    decode: { maxModelLen: 200 },
  });
  assertEquals(await whenBack(cluster, 1), { skipped: 1 });
  assertEquals(total(cluster.prefills, "prefills"), 0);
});

Deno.test("without --canary, no canary is sent", async () => {
  await using cluster = await startCluster();
  const body = { model: MODEL, prompt: "Tides", max_tokens: 3 };
  const answer = await post(`${cluster.url}/v1/completions`, body);
  await answer.body?.cancel();
  assertEquals(total(cluster.prefills, "prefills"), 1);
  assertEquals(await results(cluster), {});
});

Deno.test("differences between the roles are told once, and on /engines", async () => {
  const { log, lines } = keptLog();
  await using cluster = await startCluster({
    prefills: 2,
    prefill: { maxModelLen: 4_096 },
    decode: { maxModelLen: 8_192 },
    router: { log_: log },
  });
  const told = (): readonly Line[] =>
    lines.filter(({ message }) => message === "Prefill and decode engines of a model differ");
  await eventually(() => told().length > 0, () => JSON.stringify(lines));
  const [line] = told();
  assertEquals([line?.["property"], line?.["prefill"], line?.["decode"]], [
    "max_model_len",
    "4096",
    "8192",
  ]);
  const engines: { readonly differences: readonly unknown[] }[] =
    await (await fetch(`${cluster.url}/engines`)).json();
  const difference = {
    model: MODEL,
    property: "max_model_len",
    prefill: ["4096"],
    decode: ["8192"],
  };
  assertEquals(engines.map(({ differences }) => differences), [
    [difference],
    [difference],
    [difference],
  ]);
  assertEquals(told().length, 1);
});

Deno.test("a canary whose answer ends before the decode engine is needed says nothing of the pair", async () => {
  const ids = Array.from({ length: 600 }, (_, index) => index);
  await withPair({
    prefill: { text: " end", finishReason: "stop" },
    first: ({ path }) =>
      path === "/tokenize"
        ? Response.json({ count: ids.length, max_model_len: 4096, tokens: ids })
        : undefined,
    decode: () => Response.json({ choices: [{ index: 0, text: " end", finish_reason: "stop" }] }),
    router: ONCE,
  }, async ({ router }) => {
    const seen = { url: router.url };
    assertEquals(await whenBack(seen, 1), { skipped: 1 });
  });
});
