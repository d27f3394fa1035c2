import { createLogger, type Logger, seededRandom, systemClock } from "../../lib/base/mod.ts";
import type { SimOptions } from "../../lib/sim/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { type Cluster, type ClusterShape, MODEL, startCluster } from "../support/cluster.ts";
import { eventually } from "../support/eventually.ts";
import { mixedRequest } from "../support/mixed_request.ts";
import { post } from "../support/router.ts";

type Line = Readonly<Record<string, unknown>>;

/** A log whose lines are kept. */
function keptLog(): { readonly log: Logger; readonly lines: Line[] } {
  const lines: Line[] = [];
  const log = createLogger(systemClock(), (line) => void lines.push(JSON.parse(line)), {
    level: "info",
    format: "json",
  });
  return { log, lines };
}

const NOT_FOUND = "KV is not found between two engines: prompts are computed twice";

/** A prompt of more than `words` tokens that no other has. */
function promptOf(words: number, name: string | number): string {
  return Array.from({ length: words }, (_, at) => `${name}-${at}`).join(" ");
}

async function complete(
  cluster: Cluster,
  prompt: string,
  more: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  const body = { model: MODEL, prompt, max_tokens: 3, ...more };
  const answer = await post(`${cluster.url}/v1/completions`, body);
  const text = await answer.text();
  assertEquals(answer.status, 200, text);
}

async function suspected(cluster: Cluster): Promise<number> {
  const text = await (await fetch(`${cluster.url}/metrics`)).text();
  let sum = 0;
  for (
    const [, count] of text.matchAll(/^pd_router_recompute_suspected_total\{[^}]*\} (\d+)$/gm)
  ) sum += Number(count);
  return sum;
}

/** Whether answers have told that KV was found, or counters were read. */
async function isLookedAt({ url, decodes }: Cluster): Promise<boolean> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const [, moved = "0"] = /^pd_router_kv_moved_tokens_total (\d+)$/m.exec(text) ?? [];
  return Number(moved) > 0 ||
    decodes.some((engine) => (engine.stats().requestsByPath["/metrics"] ?? 0) > 1);
}

interface Marked {
  readonly role: string;
  readonly recompute_suspected?: readonly { readonly peer: string; readonly cause: string }[];
}

async function marksOf(cluster: Cluster): Promise<readonly Marked[]> {
  return await (await fetch(`${cluster.url}/engines`)).json();
}

const TELLS: Partial<SimOptions> = { promptTokensDetails: true };
const SILENT: Partial<SimOptions> = { promptTokensDetails: false };

/** Mismatches, and what they are told as. */
const MISMATCHES: readonly (readonly [name: string, shape: ClusterShape, cause: string])[] = [
  ["PYTHONHASHSEED, P1", { decode: { hashSeed: "7", ...TELLS } }, "hash_seed"],
  ["PYTHONHASHSEED, D1", { decode: { hashSeed: "7", ...TELLS }, modes: ["d1"] }, "hash_seed"],
  ["PYTHONHASHSEED, P1, untold", { decode: { hashSeed: "7", ...SILENT } }, "hash_seed"],
  [
    "PYTHONHASHSEED, D1, untold",
    { decode: { hashSeed: "7", ...SILENT }, modes: ["d1"] },
    "hash_seed",
  ],
  ["chunk size", { decode: { chunkSize: 128, ...TELLS } }, "chunk_size"],
  ["NixlConnector", { protocol: "nixl" }, "block_size"],
  ["NixlConnector, told by prefill", { protocol: "nixl", decode: TELLS }, "block_size"],
  ["a shared store", { protocol: "shared_storage" }, "hash_seed"],
  ["a shared store, told", { protocol: "shared_storage", decode: TELLS }, "hash_seed"],
];

for (const [name, shape, cause] of MISMATCHES) {
  for (const stream of [false, true]) {
    Deno.test(`KV that is not found is told within three requests: ${name}, stream ${stream}`, async () => {
      const { log, lines } = keptLog();
      await using cluster = await startCluster({ ...shape, router: { log_: log } });
      const [decode] = cluster.decodes;
      const [prefill] = cluster.prefills;
      assert(decode !== undefined && prefill !== undefined);
      if (shape.protocol !== undefined) decode.faults.ignoreKv = true;
      // What is shorter than both chunks is found, whatever their size.
      if (cause === "chunk_size") await complete(cluster, promptOf(5, "short"));
      const usage = stream ? { stream_options: { include_usage: true } } : {};
      for (let at = 0; at < 3; at++) {
        await complete(cluster, promptOf(300, at), { stream, ...usage });
      }
      const told = (): readonly Line[] => lines.filter(({ message }) => message === NOT_FOUND);
      await eventually(() => told().length > 0, () => JSON.stringify(lines.slice(-5)));
      assertEquals(told().map((line) => line["cause"]), [cause]);
      assertEquals(told().map((line) => [line["prefill"], line["decode"]]), [
        [prefill.url, decode.url],
      ]);
      assert(await suspected(cluster) > 0);
      for (const { role, recompute_suspected: marks } of await marksOf(cluster)) {
        assertEquals(marks?.map((mark) => mark.cause), [cause]);
        const peer = role === "prefill" ? decode : prefill;
        assertEquals(marks?.map((mark) => mark.peer), [new URL(peer.url).host]);
      }
    });
  }
}

for (const mode of ["p1", "d1"] as const) {
  Deno.test(`skip_last_n_tokens that does not fit is told by prompts below a chunk: ${mode}`, async () => {
    const { log, lines } = keptLog();
    await using cluster = await startCluster({
      modes: [mode],
      decode: { ...TELLS, skipLastNTokens: mode === "p1" ? 0 : 1 },
      router: { log_: log },
    });
    await complete(cluster, promptOf(300, "long"));
    for (const name of ["a", "b"]) await complete(cluster, promptOf(20, name));
    const told = lines.filter(({ message }) => message === NOT_FOUND);
    assertEquals(told.map((line) => line["cause"]), ["skip_last_n_tokens"]);
  });
}

Deno.test("a mark is gone after handoffs whose KV is found", async () => {
  const { log, lines } = keptLog();
  await using cluster = await startCluster({ decode: TELLS, router: { log_: log } });
  const [decode] = cluster.decodes;
  assert(decode !== undefined);
  decode.faults.ignoreKv = 2;
  for (const name of ["a", "b"]) await complete(cluster, promptOf(300, name));
  assertEquals(lines.filter(({ message }) => message === NOT_FOUND).length, 1);
  for (const name of ["c", "d"]) await complete(cluster, promptOf(300, name));
  assertEquals((await marksOf(cluster)).flatMap((engine) => engine.recompute_suspected ?? []), []);
  assertEquals(await suspected(cluster), 2);
  const again = lines.find(({ message }) => message === "KV is found between two engines again");
  assertEquals(again?.["decode"], decode.url);
});

const UNREAD = "LMCache P1, with a cache of its own";

const HEALTHY: readonly (readonly [name: string, shape: ClusterShape])[] = [
  ["LMCache P1", { decode: TELLS }],
  ["LMCache P1, untold", { decode: SILENT }],
  // What its own cache has of a prompt is left unread among the pages that came.
  [UNREAD, { decode: { ...TELLS, prefixCaching: true } }],
  ["LMCache P1, no last chunks", {
    prefill: { saveUnfullChunk: false },
    decode: { ...TELLS, saveUnfullChunk: false },
    router: {
      handoff: { kvReadyTimeoutMs: 500, kvTimeoutPolicy: "proceed" },
    },
  }],
  ["LMCache P1, larger chunks", {
    prefill: { chunkSize: 1_024 },
    decode: { ...TELLS, chunkSize: 1_024 },
  }],
  ["LMCache P1, prompts told by the prefill", {
    decode: TELLS,
    router: { tokenize: { how: "prefill", cacheBytes: 0 } },
  }],
  ["LMCache D1", { decode: TELLS, prefill: TELLS, modes: ["d1"] }],
  ["LMCache D1, untold", { decode: SILENT, modes: ["d1"] }],
  ["NIXL", { protocol: "nixl", decode: { ...TELLS, prefixCaching: true } }],
  ["NIXL, untold", { protocol: "nixl", decode: { ...SILENT, prefixCaching: true } }],
  ["shared storage", { protocol: "shared_storage", decode: { ...TELLS, prefixCaching: true } }],
  ["shared storage, untold", { protocol: "shared_storage", decode: SILENT }],
];

for (const [name, shape] of HEALTHY) {
  Deno.test(`a healthy fleet is never suspected, whatever it is asked: ${name}`, async () => {
    const { log, lines } = keptLog();
    for (const seed of [1, 2, 3]) {
      await using cluster = await startCluster({
        prefills: 2,
        decodes: 2,
        ...shape,
        router: { ...shape.router, log_: log, seed },
      });
      const random = seededRandom(seed);
      const asked = Array.from({ length: 20 }, () => mixedRequest(random));
      const long = Array.from({ length: 6 }, (_, at) => ({
        path: "/v1/completions",
        body: {
          model: MODEL,
          prompt: promptOf(200 + 150 * at, seed),
          max_tokens: 3,
          stream: at % 2 === 0,
        },
      }));
      // Each prompt again, that engines may have it themselves.
      for (const round of [[...asked, ...long], [...long, ...asked.slice(0, 5)], long]) {
        const answers = round.map(async ({ path, body }) => {
          const answer = await post(cluster.url + path, body);
          const text = await answer.text();
          // Some ask for what no engine grants.
          assert(answer.status === 200 || answer.status === 400, text);
        });
        await Promise.all(answers);
      }
      // One by one, too, so that every sample is of one pair.
      for (let at = 0; at < 4; at++) await complete(cluster, promptOf(300, `one ${at}`));
      if (name !== UNREAD) await cluster.quiet();
      assertEquals(await suspected(cluster), 0);
      assert(await isLookedAt(cluster));
      assertEquals((await marksOf(cluster)).flatMap((each) => each.recompute_suspected ?? []), []);
    }
    assertEquals(lines.filter(({ message }) => message === NOT_FOUND), []);
  });
}
