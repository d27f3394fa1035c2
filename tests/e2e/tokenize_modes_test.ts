import { type Random, seededRandom } from "../../lib/base/mod.ts";
import type { TokenizeOptions } from "../../lib/config/mod.ts";
import type { SimEngine } from "../../lib/sim/mod.ts";
import { comparable } from "../support/answers.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { type Cluster, type ClusterShape, MODEL, startCluster, total } from "../support/cluster.ts";
import { eventually } from "../support/eventually.ts";
import { post } from "../support/router.ts";
import { type Told, told } from "../support/told.ts";

interface MixedRequest {
  readonly path: string;
  readonly body: Record<string, unknown>;
}

const WORDS = ["river", "städte", "世界", "42", "\n", "😀", '"quoted"', "the", "kv"] as const;
const TOOLS = [{ type: "function", function: { name: "f", parameters: {} } }];

function pick<T>(random: Random, values: readonly [T, ...T[]]): T {
  const at = Math.floor(random.next() * values.length);
  return values.find((_, index) => index === at) ?? values[0];
}

function prompt(random: Random): string {
  const words = 1 + Math.floor(random.next() * (random.next() < 0.1 ? 400 : 20));
  return Array.from({ length: words }, () => pick(random, WORDS)).join(" ");
}

/** A request over what a handoff carries; those for `exact` ids have tools that none may call. */
function mixedRequest(random: Random, exact: boolean): MixedRequest {
  const stream = random.next() < 0.5;
  const chat = exact || random.next() < 0.6;
  const limit = pick<number | undefined>(random, [undefined, 1, 2, 7, 30]);
  const say = pick(random, [
    "[[sim:say 世界é]]",
    "[[sim:say one two STOP x]]",
    "[[sim:len 20]]",
    "",
  ]);
  const text = `${prompt(random)} ${say}`;
  const messages = [
    ...(random.next() < 0.3 ? [{ role: "system", content: prompt(random) }] : []),
    { role: "user", content: text },
  ];
  return {
    path: chat ? "/v1/chat/completions" : "/v1/completions",
    body: {
      model: MODEL,
      temperature: 0,
      stream,
      ...(chat ? { messages } : { prompt: random.next() < 0.2 ? [text] : text }),
      ...(limit === undefined ? {} : { max_tokens: limit }),
      ...(chat && limit === undefined ? { max_completion_tokens: 50 } : {}),
      ...(stream && random.next() < 0.6 ? { stream_options: { include_usage: true } } : {}),
      ...(random.next() < 0.2 ? { stop: pick<unknown>(random, [["STOP"], ["zz", " o"]]) } : {}),
      ...(random.next() < 0.1 ? { min_tokens: 2, max_tokens: 9, max_completion_tokens: 9 } : {}),
      ...(chat && random.next() < 0.3 ? { chat_template_kwargs: { thinking: false } } : {}),
      ...(exact ? { tools: TOOLS, tool_choice: "none" } : {}),
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

function asked(engines: readonly SimEngine[], suffix: string): number {
  let count = 0;
  for (const engine of engines) {
    for (const [path, times] of Object.entries(engine.stats().requestsByPath)) {
      if (path.endsWith(suffix)) count += times;
    }
  }
  return count;
}

/** `/v1/models` tells the context length. */
const SHAPE: ClusterShape = {
  prefills: 2,
  decodes: 2,
  prefill: { maxModelLen: 4096 },
  decode: { maxModelLen: 4096 },
};

async function withCluster(
  tokenize: TokenizeOptions,
  run: (cluster: Cluster) => Promise<void>,
  shape: ClusterShape = SHAPE,
): Promise<void> {
  await using cluster = await startCluster({ ...shape, router: { ...shape.router, tokenize } });
  await run(cluster);
  await cluster.quiet();
}

const COUNT = 80;

for (const how of ["engine", "prefill", "render", "auto"] as const) {
  Deno.test(`--tokenize ${how} answers as one engine does, 2P2D, two ranks`, async () => {
    await withCluster({ how, cacheBytes: 65_536 }, async (cluster) => {
      const random = seededRandom(21);
      const requests = Array.from({ length: COUNT }, () => mixedRequest(random, false));
      await Promise.all(requests.map((request) => compare(cluster, request)));
      await cluster.quiet();
      const { prefills, decodes } = cluster;
      // Ids other than those of the prompt would find no KV.
      assertEquals([total(decodes, "staleReads"), total(decodes, "recomputes")], [0, 0]);
      assertEquals(total(prefills, "plainOnSender"), 0);
      assert(total(prefills, "prefills") > COUNT / 2, "most requests are handed off");
      const tokenized = asked(prefills, "/tokenize");
      assertEquals(tokenized > 0, how === "engine", `${tokenized} times /tokenize`);
      assertEquals(asked(prefills, "/render") > COUNT / 2, how === "render");
    });
  });
}

for (const how of ["prefill", "render", "auto"] as const) {
  Deno.test(`--tokenize ${how} hands tools off that none may call, as one engine answers`, async () => {
    await withCluster({ how, cacheBytes: 0 }, async (cluster) => {
      const random = seededRandom(22);
      const requests = Array.from({ length: 20 }, () => mixedRequest(random, true));
      await Promise.all(requests.map((request) => compare(cluster, request)));
      await cluster.quiet();
      assertEquals(total(cluster.decodes, "recomputes"), 0);
      assertEquals(asked(cluster.prefills, "/tokenize"), 0);
      assert(total(cluster.prefills, "prefills") >= 20);
    });
  });
}

/** What an answer can tell of its tokens, on top of a mixed request. */
function telling(random: Random, chat: boolean): Record<string, unknown> {
  const kind = pick(random, ["ids", "logprobs", "echo"]);
  if (kind === "ids") return { return_token_ids: true };
  if (kind === "echo") return chat ? {} : { echo: true };
  return chat ? { logprobs: true, top_logprobs: 2 } : { logprobs: 1 };
}

for (const how of ["prefill", "render", "auto"] as const) {
  Deno.test(`--tokenize ${how} tells ids and log-probabilities as one engine does`, async () => {
    await withCluster({ how, cacheBytes: 0 }, async (cluster) => {
      const random = seededRandom(24);
      const requests = Array.from({ length: 60 }, () => {
        const { path, body } = mixedRequest(random, false);
        const more = telling(random, path.includes("chat"));
        return { path, body: { ...body, ...more } };
      });
      await Promise.all(requests.map(async ({ path, body }) => {
        const read = (answer: Response): Promise<Told> => told(answer, "stop" in body);
        const [ours, theirs] = await Promise.all([
          post(cluster.url + path, body).then(read),
          post(cluster.single.url + path, body).then(read),
        ]);
        assertEquals(ours, theirs, JSON.stringify({ path, body }));
      }));
      await cluster.quiet();
      assertEquals(total(cluster.decodes, "recomputes"), 0);
    });
  });
}

Deno.test("--tokenize prefill prefills again when an answer breaks off, and drains the lost KV", async () => {
  for (const chat of [false, true]) {
    await withCluster({ how: "prefill", cacheBytes: 0 }, async (cluster) => {
      const [engine] = cluster.prefills;
      if (engine !== undefined) engine.faults.cutAnswer = 1;
      const content = "A story of the river [[sim:len 20]]";
      const request: MixedRequest = {
        path: chat ? "/v1/chat/completions" : "/v1/completions",
        body: {
          model: MODEL,
          max_tokens: 30,
          ...(chat ? { messages: [{ role: "user", content }] } : { prompt: content }),
        },
      };
      await Promise.all([compare(cluster, request), compare(cluster, request)]);
      await cluster.quiet();
      assertEquals(total(cluster.prefills, "prefills"), 3);
      assertEquals(total(cluster.decodes, "drains"), 1);
    });
  }
});

Deno.test("--tokenize prefill drains the KV of a client that has gone", async () => {
  await withCluster({ how: "prefill", cacheBytes: 0 }, async (cluster) => {
    const controller = new AbortController();
    const leaving = post(`${cluster.url}/v1/chat/completions`, {
      model: MODEL,
      messages: [{ role: "user", content: "A long story [[sim:len 400]]" }],
      max_tokens: 500,
    }, { signal: controller.signal }).then(() => false, () => true);
    await eventually(() => asked(cluster.prefills, "/v1/chat/completions") > 0);
    controller.abort();
    assert(await leaving, "the client has left");
    await cluster.quiet();
    assertEquals(total(cluster.prefills, "prefills"), 1);
    assertEquals(total(cluster.decodes, "drains"), 1);
  }, { ...SHAPE, prefill: { ttftMs: 200 } });
});

Deno.test("--tokenize prefill leaves what exceeds the context to one engine", async () => {
  await withCluster({ how: "prefill", cacheBytes: 0 }, async (cluster) => {
    for (const content of ["short", "long ".repeat(300)]) {
      const answer = await post(`${cluster.url}/v1/chat/completions`, {
        model: MODEL,
        messages: [{ role: "user", content }],
        max_tokens: 250,
      });
      // An engine cuts the limit to what is left, and refuses a prompt that leaves nothing.
      assertEquals(answer.status, content === "short" ? 200 : 400);
      const { error, choices } = await answer.json();
      assertEquals(error?.param ?? choices.length, content === "short" ? 1 : "input_tokens");
    }
    await cluster.quiet();
    assertEquals(asked(cluster.decodes, "/v1/chat/completions"), 2);
  }, { prefill: { maxModelLen: 250 }, decode: { maxModelLen: 250 } });
});
