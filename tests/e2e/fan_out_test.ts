import { type Random, seededRandom } from "../../lib/base/mod.ts";
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";
import { type Cluster, type ClusterShape, MODEL, startCluster, total } from "../support/cluster.ts";
import { eventually } from "../support/eventually.ts";
import { engineAt, post, startRouter } from "../support/router.ts";
import { startScripted } from "../support/scripted_engine.ts";
import { data, event, sse, startPair, usageEvent } from "../support/scripted_pair.ts";

// deno-lint-ignore no-explicit-any
type Json = any;

/** One choice of an answer, streamed or whole. */
interface ChoiceSeen {
  text: string;
  finishReason: unknown;
  stopReason: unknown;
  tokens: unknown[];
  tokenIds: unknown[];
  /** Of its last chunk, where each chunk has it. */
  usage: unknown;
}

/** What a client has of a list's answer. */
interface ListAnswer {
  readonly status: number;
  readonly choices: Readonly<Record<number, ChoiceSeen>>;
  readonly usage: unknown;
  readonly ids: number;
  readonly created: number;
  readonly models: readonly string[];
  readonly errors: readonly string[];
  readonly done: number;
}

/** Read an answer to its end. */
async function seen(response: Response): Promise<ListAnswer> {
  const body = await response.text();
  const streamed = response.headers.get("content-type")?.startsWith("text/event-stream") ?? false;
  const events = streamed
    ? body.split("\n\n").filter((part) => part.startsWith("data: ")).map((part) => part.slice(6))
    : [body];
  const done = events.filter((text) => text === "[DONE]").length;
  const values: Json[] = events.filter((text) => text !== "[DONE]").map((text) => JSON.parse(text));
  const chunks = values.filter((value) => value.error === undefined);
  const choices: Record<number, ChoiceSeen> = {};
  for (const chunk of chunks) {
    for (const choice of chunk.choices) {
      const one = choices[choice.index] ??= {
        text: "",
        finishReason: undefined,
        stopReason: undefined,
        tokens: [],
        tokenIds: [],
        usage: undefined,
      };
      one.text += choice.text;
      if (choice.finish_reason !== null) {
        one.finishReason = choice.finish_reason;
        one.stopReason = choice.stop_reason;
      }
      one.tokens.push(...choice.logprobs?.tokens ?? []);
      one.tokenIds.push(...choice.token_ids ?? []);
      if (streamed) one.usage = chunk.usage;
    }
  }
  return {
    status: response.status,
    choices,
    usage: chunks.findLast((chunk) => !streamed || chunk.choices.length === 0)?.usage,
    ids: new Set(chunks.map((chunk) => chunk.id)).size,
    created: new Set(chunks.map((chunk) => chunk.created)).size,
    models: [...new Set(chunks.map((chunk) => chunk.model))],
    errors: values.filter((value) => value.error).map((value) => value.error.message),
    done,
  };
}

const WORDS = ["river", "städte", "世界", "42", "😀", '"quoted"', "the", "kv"];

function randomPrompt(random: Random): string {
  const words = 1 + Math.floor(random.next() * (random.next() < 0.15 ? 300 : 12));
  const text = Array.from(
    { length: words },
    () => WORDS[Math.floor(random.next() * WORDS.length)] ?? "",
  ).join(" ");
  const say = random.next() < 0.2 ? " [[sim:say one two STOP é世]]" : "";
  return random.next() < 0.4 ? `${text} [[sim:len ${1 + Math.floor(random.next() * 12)}]]` : text +
    say;
}

async function idsOf(cluster: Cluster, prompt: string): Promise<readonly number[]> {
  const answer = await post(`${cluster.single.url}/tokenize`, { model: MODEL, prompt });
  return (await answer.json()).tokens;
}

async function randomList(cluster: Cluster, random: Random): Promise<Record<string, unknown>> {
  const size = 2 + Math.floor(random.next() * (random.next() < 0.2 ? 18 : 5));
  const texts = Array.from({ length: size }, () => randomPrompt(random));
  const ids = random.next() < 0.4;
  const stream = random.next() < 0.5;
  const options = { include_usage: true, continuous_usage_stats: random.next() < 0.3 };
  const extras: readonly Record<string, unknown>[] = [
    {},
    {},
    { n: 2, temperature: 0.9, seed: 5 },
    { n: 2, temperature: 0.9, seed: 6, logprobs: 1 },
    { logprobs: 2 },
    { stop: ["STOP"] },
    { return_token_ids: true },
    { max_tokens: 1 },
  ];
  return {
    model: MODEL,
    temperature: 0,
    prompt: ids ? await Promise.all(texts.map((text) => idsOf(cluster, text))) : texts,
    stream,
    max_tokens: 1 + Math.floor(random.next() * 14),
    ...(stream && random.next() < 0.7 ? { stream_options: options } : {}),
    ...extras[Math.floor(random.next() * extras.length)],
  };
}

async function compare(cluster: Cluster, body: Record<string, unknown>): Promise<ListAnswer> {
  const [ours, theirs] = await Promise.all([
    post(`${cluster.url}/v1/completions`, body).then(seen),
    post(`${cluster.single.url}/v1/completions`, body).then(seen),
  ]);
  assertEquals(ours, theirs, JSON.stringify(body));
  return ours;
}

const SHAPES: readonly (readonly [name: string, shape: ClusterShape])[] = [
  ["in mode P1", {}],
  ["in mode P1, 2P2D", { prefills: 2, decodes: 2 }],
  ["in mode D1", { modes: ["d1"] }],
  ["over NixlConnector", { protocol: "nixl" }],
  ["over shared storage", { protocol: "shared_storage" }],
];

for (const [at, [name, shape]] of SHAPES.entries()) {
  Deno.test(`a list of prompts is answered as one engine does, ${name}`, async () => {
    await using cluster = await startCluster(shape);
    const random = seededRandom(40 + at);
    for (let round = 0; round < 3; round++) {
      const bodies = await Promise.all(
        Array.from({ length: 12 }, () => randomList(cluster, random)),
      );
      await Promise.all(bodies.map((body) => compare(cluster, body)));
    }
    await cluster.quiet();
    const { prefills, decodes } = cluster;
    assertEquals([total(decodes, "staleReads"), total(prefills, "plainOnSender")], [0, 0]);
    assert(total(prefills, "prefills") > 60, "most prompts are handed off");
  });
}

Deno.test("a list of prompts is answered as one engine does when streams are cut anywhere", async () => {
  await using cluster = await startCluster();
  const random = seededRandom(50);
  for (const splitBytes of ["byte", "random"] as const) {
    for (const engine of cluster.decodes) engine.faults.splitBytes = splitBytes;
    for (let round = 0; round < (splitBytes === "byte" ? 1 : 4); round++) {
      const list = await randomList(cluster, random);
      const short = splitBytes === "byte" ? { max_tokens: 3 } : {};
      await compare(cluster, { ...list, ...short, stream: true });
    }
  }
  await cluster.quiet();
});

Deno.test("a prompt of a list whose handoff fails is handed off again, and no other", async () => {
  await using cluster = await startCluster({
    prefills: 2,
    decodes: 2,
    router: { handoff: { kvReadyTimeoutMs: 1_000 } },
  });
  for (const stream of [false, true]) {
    const [prefill] = cluster.prefills;
    if (prefill !== undefined) prefill.faults.errorAnswer = 1;
    const prompt = Array.from({ length: 6 }, (_, at) => `Prompt ${at} of ${stream}`);
    await compare(cluster, { model: MODEL, prompt, max_tokens: 4, stream });
  }
  const metrics = await (await fetch(`${cluster.url}/metrics`)).text();
  assertStringIncludes(metrics, 'pd_router_handoff_retries_total{reason="prefill_failed"} 2');
  await cluster.quiet();
});

Deno.test("a list passes a router that hands nothing off as it is", async () => {
  await using engine = startScripted(({ text }) =>
    new Response(text, { headers: { "content-type": "application/json" } })
  );
  await using router = await startRouter([engineAt(engine.url, "any")]);
  const body = '{"prompt": ["a",  "b"], "model":"m" }';
  assertEquals(await (await post(`${router.url}/v1/completions`, body)).text(), body);
});

Deno.test("a list of 300 prompts is answered, 8 at a time; one beyond the limit is refused", async () => {
  await using cluster = await startCluster();
  const prompt = Array.from({ length: 300 }, (_, at) => `Prompt ${at}`);
  const answer = await compare(cluster, { model: MODEL, prompt, max_tokens: 3 });
  assertEquals(Object.keys(answer.choices).length, 300);
  const before = cluster.decodes[0]?.stats().requestsByPath["/v1/completions"];
  const more = await post(`${cluster.url}/v1/completions`, {
    model: MODEL,
    prompt: Array.from({ length: 2049 }, () => "x"),
  });
  const { error } = await more.json();
  assertEquals([more.status, error.param, error.code], [400, "prompt", 400]);
  assertStringIncludes(error.message, "2048");
  assertEquals(cluster.decodes[0]?.stats().requestsByPath["/v1/completions"], before);
  await cluster.quiet();
});

for (const stream of [false, true]) {
  Deno.test(`a list with a prompt that engines refuse is refused as a whole, stream ${stream}`, async () => {
    await using cluster = await startCluster();
    const long = "word ".repeat(140_000);
    for (const odd of ["", long]) {
      const body = { model: MODEL, prompt: ["one", "two", odd, "three"], stream, max_tokens: 5 };
      const [ours, theirs] = await Promise.all(
        [cluster.url, cluster.single.url].map((url) => post(`${url}/v1/completions`, body)),
      );
      const [mine, right] = await Promise.all([ours?.json(), theirs?.json()]);
      assertEquals([ours?.status, theirs?.status], [400, 400]);
      assertEquals(
        [mine.error.type, mine.error.code],
        [right.error.type, right.error.code],
      );
    }
    await cluster.quiet();
    assertEquals(total(cluster.decodes, "staleReads"), 0);
  });

  Deno.test(`a list whose prompts cannot be served fails with an error, stream ${stream}`, async () => {
    await using cluster = await startCluster({
      router: { handoff: { kvReadyTimeoutMs: 500 } },
    });
    for (const engine of cluster.prefills) engine.faults.dieBeforeAnswer = true;
    const answer = await post(`${cluster.url}/v1/completions`, {
      model: MODEL,
      prompt: ["one", "two", "three"],
      stream,
    });
    assertEquals([answer.status, (await answer.json()).error.code], [502, 502]);
    await cluster.quiet();
  });

  Deno.test(`a client that leaves a list leaves nothing behind, stream ${stream}`, async () => {
    await using cluster = await startCluster({
      prefill: { ttftMs: 10, notify: 5 },
      decode: { itlMs: 3 },
    });
    const generated = (): number =>
      cluster.decodes.reduce((sum, engine) => sum + engine.stats().generationTokens, 0);
    // Without an answer under way, the server sees the client of a short request alone leave.
    const length = stream ? 30 : 6;
    for (const reached of ["prefill", "decode"] as const) {
      const controller = new AbortController();
      const asked = post(`${cluster.url}/v1/completions`, {
        model: MODEL,
        prompt: Array.from({ length }, (_, at) => `${reached} ${at} [[sim:len 400]]`),
        max_tokens: 500,
        stream,
      }, { signal: controller.signal });
      const settled = asked.then((answer) => answer.text()).then(() => false, () => true);
      await eventually(() =>
        reached === "prefill"
          ? cluster.router.app.stats().waiters > 0
          : cluster.decodes.some((engine) => engine.stats().runningNow >= 4)
      );
      controller.abort();
      assert(await settled, "the client has left");
      await cluster.quiet();
      const { staleReads, recomputes } = cluster.decodes[0]?.stats() ?? {};
      assertEquals([staleReads, recomputes], [0, 0]);
    }
    assert(generated() < length * 200, `the decodes were stopped early, at ${generated()} tokens`);
  });
}

Deno.test("a list whose stream fails ends with one error event, and nothing is left behind", async () => {
  await using cluster = await startCluster({ decode: { itlMs: 1 } });
  for (const fault of ["errorEvent", "dieMidStream"] as const) {
    const [decode] = cluster.decodes;
    if (decode === undefined) return;
    decode.faults.errorAfterEvents = 5;
    decode.faults.dieAfterEvents = 5;
    decode.faults[fault] = 1;
    const answer = await seen(
      await post(`${cluster.url}/v1/completions`, {
        model: MODEL,
        prompt: Array.from({ length: 12 }, (_, at) => `Prompt ${at} [[sim:len 60]]`),
        max_tokens: 80,
        stream: true,
      }),
    );
    assertEquals([answer.status, answer.errors.length, answer.done], [200, 1, 0], fault);
    assert(Object.keys(answer.choices).length > 1, "chunks came before");
    await cluster.quiet();
  }
  const metrics = await (await fetch(`${cluster.url}/metrics`)).text();
  assertStringIncludes(metrics, 'route="fan_out",outcome="stream_error"} 2');
});

Deno.test("a list never reaches an engine as one, however its prompts are served", async () => {
  const rest = [event(" z", { finish_reason: "stop" }), usageEvent(4, 1), data("[DONE]")];
  await using pair = await startPair({
    decode: ({ text }) => {
      const { stream } = JSON.parse(text);
      return stream ? sse(rest) : Response.json({
        id: "cmpl-d",
        object: "text_completion",
        created: 5,
        model: "m",
        choices: [{ index: 0, text: " z", logprobs: null, finish_reason: "stop" }],
      });
    },
  });
  const { router, prefill, decode } = pair;
  const query = `?id=${new URL(decode.url).host}`;
  const asked: readonly (readonly [query: string, more: Record<string, unknown>])[] = [
    ["", {}],
    ["", { suffix: "direct" }],
    ["", { prompt_logprobs: 1 }],
    ["", { max_tokens: 0 }],
    [query, {}],
  ];
  for (const stream of [false, true]) {
    for (const prompt of [["a", "b"], [[1], [2, 3]]]) {
      for (const [query, more] of asked) {
        const body = { model: "m", prompt, stream, ...more };
        const answer = await seen(await post(`${router.url}/v1/completions${query}`, body));
        assertEquals(answer.status, 200);
        assertEquals(Object.keys(answer.choices), ["0", "1"]);
      }
    }
  }
  const bodies = [...prefill.asked, ...decode.asked].map(({ text }) => JSON.parse(text));
  assert(bodies.length >= 40);
  for (const { prompt } of bodies.filter((body) => "prompt" in body)) {
    const single = typeof prompt === "string" ||
      prompt.every((item: unknown) => typeof item === "number");
    assert(single, JSON.stringify(prompt));
  }
  const kvIds = prefill.asked.map(({ text }) => JSON.parse(text).kv_transfer_params)
    .filter((params) => params !== undefined).map(({ disagg_spec }) => disagg_spec.req_id);
  assertEquals(new Set(kvIds).size, kvIds.length);
  assertEquals(kvIds.length, 8, "each of the prompts of four lists has a KV id of its own");
  await eventually(() => Object.values(router.app.stats()).every((count) => count === 0));
});

for (const [name, shape] of SHAPES.slice(1)) {
  Deno.test(`clients that leave lists at random times leave nothing behind, ${name}`, async () => {
    await using cluster = await startCluster({
      prefill: { ttftMs: 5, notify: 3 },
      decode: { itlMs: 2, ttftMs: 2 },
      ...shape,
    });
    await Promise.all(Array.from({ length: 30 }, async (_, index) => {
      const controller = new AbortController();
      const timer = setTimeout(() => controller.abort(), 10 + index * 4);
      try {
        const answer = await post(`${cluster.url}/v1/completions`, {
          model: MODEL,
          prompt: Array.from({ length: 3 + index % 9 }, (_, at) => `${index} ${at} [[sim:len 40]]`),
          max_tokens: 60,
          stream: index % 3 > 0,
        }, { signal: controller.signal });
        await answer.text();
      } catch (error) {
        assert(error instanceof DOMException, String(error));
      } finally {
        clearTimeout(timer);
      }
    }));
    await cluster.quiet();
    for (const engine of cluster.decodes) {
      const { staleReads, doubleUses } = engine.stats();
      assertEquals([staleReads, doubleUses], [0, 0]);
    }
  });
}
