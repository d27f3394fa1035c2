import { createLogger, type Logger, systemClock } from "../../lib/base/mod.ts";
import type { SimEngine } from "../../lib/sim/mod.ts";
import { comparable, type ComparableAnswer } from "../support/answers.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { type Cluster, MODEL, startCluster, startSim } from "../support/cluster.ts";
import { eventually } from "../support/eventually.ts";
import { engineAt, post, type RouterChanges, startRouter } from "../support/router.ts";

const PATHS = ["/v1/completions", "/v1/chat/completions"];
/** Longer than KV takes on a busy machine: what times out is what does not come. */
const KV_WAIT_MS = 1_000;

/** A router that gives up KV soon, and pairs and engines for so long. */
function soon(pauseMs: number, log_?: Logger): RouterChanges {
  return {
    handoff: { kvReadyTimeoutMs: KV_WAIT_MS },
    health: {
      engineFailures: 3,
      pairFailures: 2,
      pauseMs,
      maxPauseMs: 2 * pauseMs,
      maxShutShare: 0.5,
      failurePolicy: "direct",
    },
    ...(log_ === undefined ? {} : { log_ }),
  };
}

/** Keeps the messages of warnings and what is said of them later. */
function kept(): { readonly log: Logger; readonly messages: string[] } {
  const messages: string[] = [];
  const sink = (line: string): void => void messages.push(JSON.parse(line).message);
  const log = createLogger(systemClock(), sink, { level: "info", format: "json" });
  return { log, messages };
}

/** One question to a router and to the engine that says what is right. */
async function right(
  { url, single }: Pick<Cluster, "url" | "single">,
  index: number,
  stream = false,
): Promise<ComparableAnswer> {
  const body = {
    model: MODEL,
    messages: [{ role: "user", content: `Number ${index}, please. [[sim:len 12]]` }],
    max_tokens: 20,
    stream,
  };
  const ask = (at: string): Promise<ComparableAnswer> =>
    post(`${at}/v1/chat/completions`, body).then(comparable);
  const [ours, theirs] = await Promise.all([ask(url), ask(single.url)]);
  assertEquals(ours, theirs);
  return ours;
}

/** The value of one series, 0 where there is none. */
async function metric(url: string, series: string): Promise<number> {
  const lines = (await (await fetch(`${url}/metrics`)).text()).split("\n");
  return Number(lines.find((line) => line.startsWith(`${series} `))?.split(" ").at(-1) ?? 0);
}

/** The pairs of all prefill engines of which `/engines` tells: decode engine, and why. */
async function shutPairs(url: string): Promise<readonly string[]> {
  type Told = { readonly shut_pairs?: readonly { engine_id: string; why: string }[] };
  const engines: readonly Told[] = await (await fetch(`${url}/engines`)).json();
  return engines.flatMap(({ shut_pairs: pairs = [] }) => pairs)
    .map(({ engine_id: id, why }) => `${id} ${why}`);
}

/** Handoffs whose KV did not come. */
function waits(url: string): Promise<number> {
  return metric(url, 'pd_router_kv_wait_seconds_count{end="timed-out"}');
}

/** The engine in the place of one that has been stopped: on its ports, and unknown to whoever knew it. */
async function restarted(decode: SimEngine): Promise<SimEngine> {
  await decode.stop();
  const { initPorts, allocPorts } = decode;
  const port = Number(new URL(decode.url).port);
  const { length: ranks } = initPorts;
  const options = { role: "decode", skipLastNTokens: 1, kvConnector: "lmcache" } as const;
  return await startSim({ ...options, ranks, port, initPorts, allocPorts }, 101);
}

/** A prefill engine meets all decode engines again, as after a restart. */
async function forgetful(prefill: SimEngine | undefined): Promise<void> {
  assert(prefill);
  await (await post(`${prefill.url}/sim/reset`, {})).body?.cancel();
}

Deno.test("a restarted decode engine answers from the next request on, and handoffs come back by themselves", async () => {
  const { log, messages } = kept();
  await using cluster = await startCluster({ router: soon(200, log) });
  const [prefill] = cluster.prefills;
  const [before] = cluster.decodes;
  assert(before);
  await right(cluster, 0);
  assertEquals(before.stats().externalHits, 1);
  await using after = await restarted(before);
  // The first two pay a wait each, and are answered.
  for (const index of [1, 2]) {
    await right(cluster, index);
    assertEquals(await waits(cluster.url), index);
  }
  assertEquals(await shutPairs(cluster.url), [`${new URL(after.url).host} kv-timeout`]);
  // Whoever tries the pair again is answered too, streamed or not.
  let index = 3;
  await eventually(async () => {
    await right(cluster, index, index++ % 2 === 0);
    return await waits(cluster.url) >= 5;
  }, () => "three more have tried the pair");
  assertEquals(after.stats().externalHits, 0);
  await forgetful(prefill);
  await eventually(async () => {
    await right(cluster, index, index++ % 2 === 0);
    return after.stats().externalHits > 0;
  }, () => "the handoff has come back");
  const hits = after.stats().externalHits;
  await right(cluster, index++);
  assertEquals(after.stats().externalHits, hits + 1);
  const pairs = messages.filter((message) => message.startsWith("Two engines"));
  assertEquals(pairs, [
    "Two engines are not paired for a while: their handoffs fail",
    "Two engines are paired again",
  ]);
  await cluster.quiet();
});

Deno.test("a broken pair costs two requests a wait, and is back within its pause after its repair", async () => {
  const pauseMs = 3_000;
  await using cluster = await startCluster({ prefills: 2, decodes: 2, router: soon(pauseMs) });
  const [first] = cluster.decodes;
  assert(first);
  // All meet before one of them is another.
  for (let index = 0; index < 8; index++) await right(cluster, 1_000 + index);
  await using after = await restarted(first);
  await forgetful(cluster.prefills[1]);
  for (let index = 0; index < 24; index++) await right(cluster, index, false);
  // Until another process is told, it may send one more.
  const waited = await waits(cluster.url);
  assert(waited >= 2 && waited <= 1 + cluster.router.workers, `${waited} waits`);
  assertEquals(await metric(cluster.url, "pd_router_pairs_shut"), 1);
  assert(after.stats().externalHits > 0, "the decode engine serves with the other one");
  await forgetful(cluster.prefills[0]);
  let index = 100;
  await eventually(
    async () => {
      await right(cluster, index++);
      return (await shutPairs(cluster.url)).length === 0;
    },
    () => "the pair is back",
    1.2 * pauseMs + 2_000,
  );
  assertEquals(await waits(cluster.url), waited);
  assertEquals(await metric(cluster.url, "pd_router_pairs_shut"), 0);
  await cluster.quiet();
});

for (const role of ["prefills", "decodes"] as const) {
  Deno.test(`an engine that answers 500 to everything is gone around after 3: ${role}`, async () => {
    await using cluster = await startCluster({
      prefills: 2,
      decodes: 2,
      router: soon(60_000),
    });
    const [ill] = cluster[role];
    assert(ill);
    Object.assign(ill.faults, { errorAnswer: true, paths: PATHS });
    for (let index = 0; index < 16; index++) await right(cluster, index);
    const errors = (await (await fetch(`${cluster.url}/metrics`)).text()).split("\n")
      .filter((line) => line.startsWith("pd_router_engine_errors_total"));
    assertEquals(errors.map((line) => [line.includes(ill.url), line.split(" ").at(-1)]), [
      [true, "3"],
    ]);
    // Pages at an engine that answers nothing cannot be given back.
    ill.faults.errorAnswer = false;
    const held = (): readonly number[] => Object.values(cluster.router.app.stats());
    await eventually(() => held().every((count) => count === 0), () => String(held()));
  });
}

/** Two engines without roles behind a router. */
async function withTwo(
  log: Logger,
  pauseMs: number,
  run: (url: string, engines: readonly [SimEngine, SimEngine]) => Promise<void>,
): Promise<void> {
  await using one = await startSim({ role: "any" }, 1);
  await using other = await startSim({ role: "any" }, 2);
  const records = [one, other].map(({ url }) => engineAt(url, "any"));
  await using router = await startRouter(records, soon(pauseMs, log));
  await run(router.url, [one, other]);
}

async function statusesOf(url: string, count: number): Promise<readonly number[]> {
  const statuses: number[] = [];
  for (let index = 0; index < count; index++) {
    const body = { model: MODEL, prompt: `Number ${index} [[sim:len 3]]`, max_tokens: 4 };
    const answer = await post(`${url}/v1/completions`, body);
    await answer.body?.cancel();
    statuses.push(answer.status);
  }
  return statuses;
}

Deno.test("an engine without a role that answers 500 to everything is gone around, and fails nobody", async () => {
  await withTwo(kept().log, 60_000, async (url, [ill]) => {
    Object.assign(ill.faults, { errorAnswer: true, paths: PATHS });
    const statuses = await statusesOf(url, 20);
    assertEquals(statuses, new Array(20).fill(200));
    const series = 'pd_router_engines_shut{role="any",why="decode-failed"}';
    assertEquals(await metric(url, series), 1);
  });
});

Deno.test("where all of a role fail, all serve, and the log says so", async () => {
  const { log, messages } = kept();
  await withTwo(log, 200, async (url, engines) => {
    for (const { faults } of engines) Object.assign(faults, { errorAnswer: true, paths: PATHS });
    assertEquals(await statusesOf(url, 20), new Array(20).fill(500));
    const said = (text: string): number => messages.filter((message) => message === text).length;
    assertEquals(said("Too many engines fail to go around them: all of their role serve"), 1);
    const verdicts = async (): Promise<readonly (string | undefined)[]> => {
      const told = await (await fetch(`${url}/engines`)).json();
      return told.map(({ verdict }: { verdict?: string }) => verdict);
    };
    assertEquals(await verdicts(), ["probation", "probation"]);
    for (const { faults } of engines) faults.errorAnswer = false;
    await eventually(async () => {
      assertEquals(await statusesOf(url, 4), new Array(4).fill(200));
      return (await verdicts()).every((verdict) => verdict === undefined);
    }, () => "both serve again");
    assertEquals(said("Few enough engines fail to go around them"), 1);
    assertEquals(said("Engine serves again"), 2);
  });
});
