import { type Engine, type Random, seededRandom } from "../../lib/base/mod.ts";
import type { SimEngine } from "../../lib/sim/mod.ts";
import { comparable } from "../support/answers.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { type Cluster, type ClusterShape, MODEL, startCluster, total } from "../support/cluster.ts";
import { eventually } from "../support/eventually.ts";
import { type MixedRequest, mixedRequest } from "../support/mixed_request.ts";
import { engineAt, post, startRouter } from "../support/router.ts";
import { startScripted } from "../support/scripted_engine.ts";
import { ScriptedSource } from "../support/scripted_source.ts";

/** A cluster whose router has its engines from a source, which knows `there` at first. */
async function startChanging(
  shape: ClusterShape,
  there: (records: readonly Engine[]) => readonly Engine[],
): Promise<{ readonly cluster: Cluster; readonly source: ScriptedSource }> {
  let source = ScriptedSource.of();
  const cluster = await startCluster({
    ...shape,
    source: (records) => source = ScriptedSource.of(there(records)),
  });
  return { cluster, source };
}

/** Status and message of an answer that is an error. */
async function errorOf(answer: Promise<Response>): Promise<readonly [number, string]> {
  const { status, body } = await answer.then(async (one) => ({
    status: one.status,
    body: await one.json(),
  }));
  return [status, body.error?.message];
}

/** Lines of `/metrics` that are samples of an engine. */
async function engineSamples(url: string): Promise<readonly string[]> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return text.split("\n").filter((line) => line.includes('server="')).sort();
}

/** Ids of the engines that a router lists. */
async function listed(url: string): Promise<readonly string[]> {
  const engines: { readonly engine_id: string }[] = await (await fetch(`${url}/engines`)).json();
  return engines.map(({ engine_id: id }) => id).sort();
}

/**
 * Fails unless the answer of the cluster's router is that of one engine alone; `on` is called when the
 * answer begins and when it has ended.
 */
async function compare(
  cluster: Cluster,
  { path, body }: MixedRequest,
  on: () => void = () => {},
): Promise<void> {
  const ask = async (): ReturnType<typeof comparable> => {
    const answer = await post(cluster.url + path, body);
    on();
    const read = await comparable(answer);
    on();
    return read;
  };
  const right = post(cluster.single.url + path, body).then(comparable);
  const [ours, theirs] = await Promise.all([ask(), right]);
  assertEquals(ours, theirs, JSON.stringify({ path, body }));
}

const REQUEST = { model: MODEL, prompt: "The river [[sim:len 9]]", max_tokens: 12 };

Deno.test("a router that starts without engines says so, and serves when they come", async () => {
  const { cluster, source } = await startChanging({}, () => []);
  await using _cluster = cluster;
  const ask = (): Promise<Response> => post(`${cluster.url}/v1/completions`, REQUEST);
  assertEquals((await (await fetch(`${cluster.url}/health`)).json()).status, "healthy");
  assertEquals((await (await fetch(`${cluster.url}/v1/models`)).json()).data, []);
  assertEquals(await listed(cluster.url), []);
  const missing = `The model '${MODEL}' does not exist; served are: none`;
  assertEquals(await errorOf(ask()), [404, missing]);
  // A decode engine serves alone until there is a prefill engine.
  const [prefill, decode] = cluster.records;
  assert(prefill !== undefined && decode !== undefined);
  for (const engine of [decode, prefill]) {
    source.upsert(engine);
    await eventually(
      async () =>
        (await engineSamples(cluster.url)).some((line) =>
          line.startsWith("pd_router_engine_up") && line.includes(engine.url)
        ),
      () => `${engine.url} is asked`,
    );
    await compare(cluster, { path: "/v1/completions", body: REQUEST });
    await compare(cluster, { path: "/v1/completions", body: { ...REQUEST, stream: true } });
    assertEquals(total(cluster.prefills, "prefills"), engine === decode ? 0 : 2);
  }
  for (const { id } of cluster.records) source.remove(id);
  await eventually(async () => (await listed(cluster.url)).length === 0);
  const gone = `No engine serves model '${MODEL}' at the moment`;
  assertEquals(await errorOf(ask()), [503, gone]);
  await cluster.quiet();
  assertEquals(await engineSamples(cluster.url), []);
});

Deno.test("a router says which engines it has not heard from while they have not answered", async () => {
  const known = Promise.withResolvers<void>();
  await using engine = startScripted(() => Response.json({ choices: [] }), known.promise);
  const source = ScriptedSource.of();
  await using router = await startRouter([], { ports: { sources: [source] } });
  const ask = (): Promise<Response> =>
    post(`${router.url}/v1/completions`, { model: "m", prompt: "a" });
  source.upsert({ kv: "none", ...engineAt(engine.url, "any") });
  const unheard = `No engine serves model 'm'; not heard from yet: ${engine.url}`;
  assertEquals(await errorOf(ask()), [503, unheard]);
  known.resolve();
  await eventually(async () => (await engineSamples(router.url)).length > 0);
  assertEquals(await (await ask()).json(), { choices: [] });
});

Deno.test("requests wait for a source that has not yet told what there is", async () => {
  await using engine = startScripted(() => Response.json({ choices: [] }));
  const source = new ScriptedSource();
  await using router = await startRouter([], { ports: { sources: [source] }, unprobed: true });
  const answers = Array.from(
    { length: 4 },
    () => post(`${router.url}/v1/completions`, { model: "m", prompt: "a" }),
  );
  assertEquals(await listed(router.url), []);
  source.upsert({ kv: "none", ...engineAt(engine.url, "any") });
  assertEquals((await listed(router.url)).length, 1);
  source.synced();
  for (const answer of answers) assertEquals(await (await answer).json(), { choices: [] });
});

const SHAPES: readonly (readonly [name: string, shape: ClusterShape])[] = [
  ["LMCache P1", { modes: ["p1"] }],
  ["LMCache D1", { modes: ["d1"] }],
  ["NIXL", { protocol: "nixl" }],
];

/** Requests that reached `engines`, but for those that ask for models. */
function generations(engines: readonly SimEngine[]): number {
  const paths = ["/v1/completions", "/v1/chat/completions"];
  return engines.flatMap((engine) => paths.map((path) => engine.stats().requestsByPath[path] ?? 0))
    .reduce((sum, count) => sum + count, 0);
}

/** Requests whose engines are removed. */
const UNDER_WAY = 8;

/** A part of a request's story that takes long enough for all of them to be in it at once. */
interface Phase {
  readonly name: string;
  readonly shape: ClusterShape;
  /** The engines that they are at. */
  readonly at: (cluster: Cluster) => readonly SimEngine[];
}

const PHASES: readonly Phase[] = [
  {
    name: "while their prefill runs",
    shape: { prefill: { ttftMs: 400 } },
    at: ({ prefills }) => prefills,
  },
  {
    name: "while their tokens come",
    shape: { decode: { itlMs: 20 } },
    at: ({ decodes }) => decodes,
  },
];

for (const [protocol, base] of SHAPES) {
  for (const { name, shape, at } of PHASES) {
    Deno.test(`requests end undisturbed whose engines are removed ${name}: ${protocol}`, async () => {
      const { cluster, source } = await startChanging(
        { prefills: 2, decodes: 2, ...base, ...shape },
        (records) => records,
      );
      await using _cluster = cluster;
      const requests = Array.from({ length: UNDER_WAY }, (_, index): MixedRequest => ({
        path: index % 4 < 2 ? "/v1/completions" : "/v1/chat/completions",
        body: {
          model: MODEL,
          max_tokens: 40,
          stream: index % 2 === 0,
          ...(index % 4 < 2
            ? { prompt: `Story ${index}. [[sim:len 30]]` }
            : { messages: [{ role: "user", content: `Story ${index}. [[sim:len 30]]` }] }),
        },
      }));
      const answers = requests.map((request) => compare(cluster, request));
      await eventually(
        () => generations(at(cluster)) === UNDER_WAY,
        () => `${generations(at(cluster))} are at their engines`,
      );
      assert(cluster.router.app.stats().inflight > 0, "they are under way");
      for (const { id } of cluster.records) source.remove(id);
      await eventually(async () => (await listed(cluster.url)).length === 0);
      const [status] = await errorOf(post(`${cluster.url}/v1/completions`, REQUEST));
      assertEquals(status, 503);
      await Promise.all(answers);
      await cluster.quiet();
      assertEquals(await engineSamples(cluster.url), []);
      assertEquals(total(cluster.prefills, "prefills"), UNDER_WAY);
      assertEquals(total(cluster.decodes, "recomputes"), 0);
    });
  }
}

/** Changes a fleet at random; the first engine of each role stays as it is. */
class Churn {
  readonly kinds = new Map<string, number>();
  readonly #source: ScriptedSource;
  readonly #random: Random;
  readonly #records: readonly Engine[];

  constructor(source: ScriptedSource, records: readonly Engine[], random: Random) {
    this.#source = source;
    this.#random = random;
    const stay = ["prefill", "decode"].map((role) => records.find((one) => one.role === role));
    this.#records = records.filter((record) => !stay.includes(record));
  }

  /** One change, or none: as chance has it. */
  step(): void {
    if (this.#random.next() < 0.5) return;
    const record = this.#pick(this.#records);
    if (record === undefined) return;
    const { id, role } = record;
    const change = this.#pick(["add", "add", "add", "remove", "leave", "move", "models", "role"]);
    this.kinds.set(change ?? "", (this.kinds.get(change ?? "") ?? 0) + 1);
    switch (change) {
      case "remove":
        return this.#source.remove(id);
      case "leave":
        return this.#source.leaving(id);
      case "move":
        // Another spelling of its address, so another engine.
        return this.#source.upsert({ ...record, url: record.url.replace("127.0.0.1", "127.1") });
      case "models":
        return this.#source.upsert({ ...record, models: this.#pick([["other"], [MODEL]]) ?? [] });
      case "role":
        // What prefills only cannot do anything else.
        return this.#source.upsert(role === "decode" ? { ...record, role: "any" } : record);
      default:
        return this.#source.upsert(record);
    }
  }

  #pick<T>(from: readonly T[]): T | undefined {
    return from[Math.floor(this.#random.next() * from.length)];
  }
}

/** Run `requests`, so many at a time. */
async function inTurn(
  requests: readonly (() => Promise<void>)[],
  atOnce: number,
): Promise<void> {
  const left = [...requests];
  const worker = async (): Promise<void> => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) await next();
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

for (const [index, [protocol, base]] of SHAPES.entries()) {
  Deno.test(`200 requests at once are answered rightly while engines come and go: ${protocol}`, async () => {
    const { cluster, source } = await startChanging(
      { prefills: 3, decodes: 3, ...base },
      (records) => records,
    );
    await using _cluster = cluster;
    const random = seededRandom(40 + index);
    const churn = new Churn(source, cluster.records, random);
    const requests = Array.from({ length: 400 }, () => {
      const request = mixedRequest(random);
      return () => compare(cluster, request, () => churn.step());
    });
    await inTurn(requests, 200);
    assert([...churn.kinds.values()].every((count) => count > 5), "every change has been made");
    assertEquals(churn.kinds.size, 6);
    await cluster.quiet();
    assertEquals(await listed(cluster.url), source.engines.map(({ id }) => id).sort());
    const urls = new Set(source.engines.map(({ url }) => url));
    let samples: readonly string[] = [];
    await eventually(async () => {
      samples = await engineSamples(cluster.url);
      return samples.filter((line) => line.includes("_engine_up")).length === urls.size;
    }, () => samples.join("\n"));
    for (const line of samples) {
      assert(urls.has(/server="([^"]*)"/.exec(line)?.[1] ?? ""), line);
      if (line.includes("_inflight_")) assert(line.endsWith(" 0"), line);
      assert(!line.includes("_errors_"), line);
    }
    const { prefills, decodes } = cluster;
    assertEquals(total(decodes, "staleReads"), 0);
    assertEquals(total(prefills, "plainOnSender"), 0);
    for (const engines of [prefills.slice(1), decodes.slice(1)]) {
      assert(generations(engines) > 0, "those that come and go have served");
    }
  });
}
