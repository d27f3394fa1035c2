import { type Random, seededRandom } from "../../lib/base/mod.ts";
import { encodeText } from "../../lib/sim/tokenizer.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { type Cluster, type ClusterShape, MODEL, startCluster, total } from "../support/cluster.ts";
import { post } from "../support/router.ts";
import { type Told, told } from "../support/told.ts";

interface Asked {
  readonly path: string;
  readonly body: Record<string, unknown>;
}

function pick<T>(random: Random, values: readonly [T, ...T[]]): T {
  return values[Math.floor(random.next() * values.length)] ?? values[0];
}

const SAID = [
  "STOPPED and more",
  "one two STOP x",
  "a",
  "42 7 7 42",
  "é世界 é",
  "世STOP",
  "no",
] as const;

const STOPS = [
  ["STOP"],
  ["TOPP", "STOPP"],
  ["zz", "one two S"],
  "世",
  ["é", "D a"],
  "界 é",
] as const;

/** What a feature adds to a request to the completions or the chat endpoint. */
type Feature = (random: Random, chat: boolean) => Record<string, unknown>;

const FEATURES = {
  logprobs: (random, chat) => {
    const count = Math.floor(random.next() * 4);
    return chat ? { logprobs: true, top_logprobs: count } : { logprobs: count };
  },
  ids: () => ({ return_token_ids: true }),
  stops: (random) => ({
    stop: pick<unknown>(random, STOPS),
    ...(random.next() < 0.4 ? { include_stop_str_in_output: true } : {}),
    ...(random.next() < 0.3 ? { min_tokens: 1 + Math.floor(random.next() * 5) } : {}),
  }),
  echo: (_random, chat) => chat ? {} : { echo: true },
  sampling: (random) => ({
    seed: 4,
    presence_penalty: 0.5,
    frequency_penalty: 0.25,
    ...(random.next() < 0.5 ? { ignore_eos: true } : { min_tokens: 2 }),
    stop_token_ids: encodeText(pick(random, ["D", "7", "x", "T and"])),
    ...(random.next() < 0.5 ? { include_stop_str_in_output: true } : {}),
    ...(random.next() < 0.3 ? { stop: "STO" } : {}),
  }),
} as const satisfies Readonly<Record<string, Feature>>;

function request(random: Random, ...features: readonly Feature[]): Asked {
  const chat = random.next() < 0.5;
  const stream = random.next() < 0.5;
  const say = random.next() < 0.6 ? `[[sim:say ${pick(random, SAID)}]]` : "[[sim:len 12]]";
  const text = `${pick(random, ["river", "städte 世界", 'é\n"q"'])} ${random.next()} ${say}`;
  const options = pick<unknown>(random, [
    undefined,
    { include_usage: true },
    { include_usage: true, continuous_usage_stats: true },
  ]);
  const limit = pick(random, [1, 2, 3, 20, 30]);
  const asked = Object.assign({}, ...features.map((feature) => feature(random, chat)));
  const least = typeof asked.min_tokens === "number" ? asked.min_tokens : 0;
  return {
    path: chat ? "/v1/chat/completions" : "/v1/completions",
    body: {
      model: MODEL,
      temperature: 0,
      ...(chat ? { messages: [{ role: "user", content: text }] } : { prompt: text }),
      max_tokens: Math.max(limit, least),
      ...(stream ? { stream, ...(options === undefined ? {} : { stream_options: options }) } : {}),
      ...asked,
    },
  };
}

async function compare(cluster: Cluster, { path, body }: Asked): Promise<void> {
  const read = (answer: Response): Promise<Told> => told(answer, "stop" in body);
  const [ours, theirs] = await Promise.all([
    post(cluster.url + path, body).then(read),
    post(cluster.single.url + path, body).then(read),
  ]);
  assertEquals(ours, theirs, JSON.stringify({ path, body }));
}

async function compareMany(
  cluster: Cluster,
  count: number,
  seed: number,
  ...features: readonly Feature[]
): Promise<void> {
  const random = seededRandom(seed);
  const before = total(cluster.prefills, "prefills");
  const requests = Array.from({ length: count }, () => request(random, ...features));
  await Promise.all(requests.map((asked) => compare(cluster, asked)));
  await cluster.quiet();
  assertEquals(total(cluster.decodes, "staleReads"), 0);
  assertEquals(total(cluster.decodes, "recomputes"), 0);
  assertEquals(total(cluster.prefills, "prefills") - before, count, "all are handed off");
  const metrics = await (await fetch(`${cluster.url}/metrics`)).text();
  assert(!/^pd_router_direct_total\{.* [1-9]/m.test(metrics), "none goes direct");
}

const SHAPES: readonly (readonly [name: string, shape: ClusterShape])[] = [
  ["", {}],
  [", three tokens an event", { decode: { streamInterval: 3 } }],
  [", ids told by the prefill", { router: { tokenize: { how: "prefill", cacheBytes: 0 } } }],
];

for (const [name, shape] of SHAPES) {
  for (const [feature, ask] of Object.entries(FEATURES)) {
    Deno.test(`P1 carries ${feature} as one engine does${name}`, async () => {
      await using cluster = await startCluster(shape);
      await compareMany(cluster, 60, 21, ask);
    });
  }
  Deno.test(`P1 carries log-probabilities, ids and stop strings together${name}`, async () => {
    await using cluster = await startCluster(shape);
    await compareMany(cluster, 100, 22, FEATURES.logprobs, FEATURES.ids, FEATURES.stops);
  });
}

Deno.test("P1 carries everything when streams are cut at every byte", async () => {
  await using cluster = await startCluster({ decode: { streamInterval: 2 } });
  const { logprobs, ids, stops, echo } = FEATURES;
  for (const splitBytes of ["byte", "random"] as const) {
    for (const engine of cluster.decodes) engine.faults.splitBytes = splitBytes;
    const count = splitBytes === "byte" ? 8 : 40;
    await compareMany(cluster, count, 23, logprobs, ids, stops);
    await compareMany(cluster, count, 24, ids, stops, echo);
  }
});

Deno.test("P1 has too many alternatives refused as one engine does", async () => {
  await using cluster = await startCluster();
  const messages = [{ role: "user", content: "hi" }];
  const chat = { model: MODEL, messages, logprobs: true, top_logprobs: 21 };
  await compare(cluster, { path: "/v1/chat/completions", body: chat });
  const completion = { model: MODEL, prompt: "hi", logprobs: 21 };
  await compare(cluster, { path: "/v1/completions", body: completion });
  await cluster.quiet();
});

Deno.test("P1 passes comments of the decode engine's stream on", async () => {
  await using cluster = await startCluster();
  for (const engine of cluster.decodes) engine.faults.sseComments = true;
  const asked = { model: MODEL, prompt: "river [[sim:say abc]]", stream: true, max_tokens: 9 };
  const text = await (await post(`${cluster.url}/v1/completions`, asked)).text();
  const comments = text.split("\n\n").filter((part) => part === ": keep-alive");
  assert(comments.length >= 3, text);
  assert(text.endsWith("data: [DONE]\n\n"));
  await cluster.quiet();
});
