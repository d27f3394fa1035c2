import { type Random, seededRandom } from "../../lib/base/mod.ts";
import { comparable } from "../support/answers.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { type Cluster, type ClusterShape, MODEL, startCluster, total } from "../support/cluster.ts";
import { post } from "../support/router.ts";

interface MixedRequest {
  readonly path: string;
  readonly body: Record<string, unknown>;
}

const WORDS: readonly [string, ...string[]] = [
  "river",
  "städte",
  "世界",
  "42",
  "\n",
  "😀",
  '"quoted"',
  "the",
  "kv",
];

function pick<T>(random: Random, values: readonly [T, ...T[]]): T {
  const at = Math.floor(random.next() * values.length);
  return values.find((_, index) => index === at) ?? values[0];
}

function prompt(random: Random): string {
  const words = 1 + Math.floor(random.next() * (random.next() < 0.1 ? 400 : 20));
  return Array.from({ length: words }, () => pick(random, WORDS)).join(" ");
}

/** A request over what a handoff carries, and over where it has to end early. */
function mixedRequest(random: Random): MixedRequest {
  const stream = random.next() < 0.5;
  const limit = pick<number | undefined>(random, [undefined, 1, 2, 3, 7, 30]);
  const chat = random.next() < 0.5;
  const limitName = chat && random.next() < 0.5 ? "max_completion_tokens" : "max_tokens";
  const say = random.next() < 0.2
    ? `[[sim:say ${pick(random, ["世界é", "a", "one two STOP x"])}]]`
    : "";
  const length = random.next() < 0.5 ? `[[sim:len ${1 + Math.floor(random.next() * 40)}]]` : "";
  const text = `${prompt(random)} ${say === "" ? length : say}`;
  return {
    path: chat ? "/v1/chat/completions" : "/v1/completions",
    body: {
      model: MODEL,
      temperature: 0,
      stream,
      ...(chat ? { messages: [{ role: "user", content: text }] } : { prompt: text }),
      ...(limit === undefined ? {} : { [limitName]: limit }),
      ...(chat && limit === undefined ? { max_tokens: 50 } : {}),
      ...(stream && random.next() < 0.6 ? { stream_options: { include_usage: true } } : {}),
      ...(random.next() < 0.2
        ? { stop: pick<unknown>(random, [["STOP"], ["zz", " o"], "the"]) }
        : {}),
      ...(random.next() < 0.1 ? { ignore_eos: true, max_tokens: 9 } : {}),
      ...(random.next() < 0.1 ? { min_tokens: 2, max_tokens: 9 } : {}),
    },
  };
}

async function compare(cluster: Cluster, request: MixedRequest): Promise<void> {
  const [ours, theirs] = await Promise.all([
    post(cluster.url + request.path, request.body).then(comparable),
    post(cluster.single.url + request.path, request.body).then(comparable),
  ]);
  assertEquals(ours, theirs, JSON.stringify(request));
}

async function compareMany(shape: ClusterShape, count: number, seed: number): Promise<void> {
  await using cluster = await startCluster(shape);
  const random = seededRandom(seed);
  const requests = Array.from({ length: count }, () => mixedRequest(random));
  await Promise.all(requests.map((request) => compare(cluster, request)));
  await cluster.quiet();
  const { prefills, decodes } = cluster;
  assertEquals(total(decodes, "staleReads"), 0);
  assertEquals(total(prefills, "plainOnSender"), 0);
  assert(total(prefills, "prefills") > count / 2, "most requests are handed off");
  for (const engine of prefills) assertEquals(engine.stats().badRequests, 0);
}

Deno.test("a handoff answers as one engine does, 1P1D, two ranks, 200 at once", async () => {
  await compareMany({}, 200, 11);
});

Deno.test("a handoff answers as one engine does, 2P2D, two ranks, 200 at once", async () => {
  await compareMany({ prefills: 2, decodes: 2 }, 200, 12);
});

Deno.test("a handoff answers as one engine does when streams are cut at every byte", async () => {
  await using cluster = await startCluster({ prefills: 2, decodes: 2 });
  const random = seededRandom(13);
  for (const splitBytes of ["byte", "random"] as const) {
    for (const engine of cluster.decodes) engine.faults.splitBytes = splitBytes;
    const requests = Array.from(
      { length: splitBytes === "byte" ? 8 : 60 },
      () => mixedRequest(random),
    );
    await Promise.all(requests.map((request) => compare(cluster, request)));
  }
  await cluster.quiet();
});

Deno.test("a handoff in mode D1 answers as one engine does", async () => {
  await compareMany(
    { prefills: 2, decodes: 2, modes: ["d1"] },
    100,
    14,
  );
});

Deno.test("a handoff over NixlConnector answers as one engine does", async () => {
  await compareMany({ prefills: 2, decodes: 2, protocol: "nixl" }, 100, 15);
});

Deno.test("a handoff over shared storage answers as one engine does", async () => {
  await compareMany({ prefills: 2, decodes: 2, protocol: "shared_storage" }, 100, 16);
});
