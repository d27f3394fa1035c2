import fc from "fast-check";
import type { GenerationForm } from "../../lib/disagg/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { type Cluster, type ClusterShape, MODEL, startCluster, total } from "../support/cluster.ts";
import { PATHS } from "../support/matrix.ts";
import { normal } from "../support/normal.ts";
import { post } from "../support/router.ts";

type Fields = Readonly<Record<string, unknown>>;

interface AnyRequest {
  readonly form: GenerationForm;
  readonly body: Fields;
}

const SCHEMA = {
  type: "object",
  properties: { city: { type: "string", minLength: 3 }, days: { type: "integer", minimum: 2 } },
  required: ["city", "days"],
};
const WEATHER = { name: "weather", parameters: SCHEMA };
const NAMED = { type: "function", function: { name: "weather" } };
const PIXEL = { type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } };

const THINKING = [{ role: "user", content: "Go. [[sim:say <think>why é</think>because]]" }];

const word = fc.constantFrom(
  "river",
  "städte",
  "世界",
  "42",
  "\n",
  "😀",
  '"quoted"',
  "the",
  "\\",
  "",
);

const directive = fc.oneof(
  { weight: 3, arbitrary: fc.constant("") },
  { weight: 3, arbitrary: fc.integer({ min: 1, max: 40 }).map((count) => `[[sim:len ${count}]]`) },
  fc.constantFrom(
    "[[sim:say 世界é]]",
    "[[sim:say one two STOP three]]",
    "[[sim:say STOP]]",
    "[[sim:say STO what]]",
    "[[sim:say a]]",
    '[[sim:call weather {"city": "Oslo 世", "days": 3}]]',
  ),
);

const prompt = fc.tuple(fc.array(word, { minLength: 1, maxLength: 40 }), directive)
  .map(([words, said]) => `Say: ${words.join(" ")} ${said}`);

/** A field that most requests do not have. */
function rarely<T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> {
  return fc.oneof({ weight: 12, arbitrary: fc.constant(undefined) }, value);
}

const sampling = {
  max_tokens: fc.constantFrom(undefined, 1, 2, 3, 7, 30, 90),
  stop: rarely(fc.constantFrom<unknown>(["STOP"], "the", ["zz", " o"], [], "世")),
  stop_token_ids: rarely(fc.constant([300, 301, 302, 310])),
  include_stop_str_in_output: rarely(fc.boolean()),
  skip_special_tokens: rarely(fc.boolean()),
  min_tokens: rarely(fc.constantFrom(0, 1, 2, 5)),
  ignore_eos: rarely(fc.boolean()),
  temperature: rarely(fc.constantFrom(0, 0.7, -1)),
  seed: rarely(fc.integer({ min: 0, max: 9 })),
  presence_penalty: rarely(fc.constantFrom(0, 1)),
  frequency_penalty: rarely(fc.constantFrom(0, 1)),
  n: rarely(fc.constantFrom(1, 2, 3)),
  echo: rarely(fc.boolean()),
  return_token_ids: rarely(fc.boolean()),
  return_tokens_as_token_ids: rarely(fc.constant(true)),
  response_format: rarely(
    fc.constantFrom<unknown>({ type: "text" }, { type: "json_object" }, {
      type: "json_schema",
      json_schema: { name: "trip", schema: SCHEMA },
    }),
  ),
  use_beam_search: rarely(fc.constant(false)),
  unknown: rarely(fc.constant({ a: [1, { b: "c" }] })),
};

const completionBody = fc.record({
  ...sampling,
  prompt: fc.oneof(
    { weight: 6, arbitrary: prompt },
    fc.array(prompt, { minLength: 1, maxLength: 3 }),
    // Bytes of ASCII: a prompt that ends inside a character is nothing an engine would make.
    fc.array(fc.integer({ min: 48, max: 140 }), { minLength: 1, maxLength: 40 }),
    fc.constantFrom<unknown>("", []),
  ),
  logprobs: rarely(fc.constantFrom(0, 1, 3)),
  suffix: rarely(fc.constantFrom("", "end")),
  prompt_logprobs: rarely(fc.constant(1)),
}).map(({ stop, ...body }) =>
  // One engine counts `text_offset` by what a stop string has not held back of a stream.
  body.logprobs === undefined ? { ...body, stop } : body
);

const userContent = fc.oneof(
  { weight: 6, arbitrary: prompt },
  prompt.map((text) => [{ type: "text", text }]),
  prompt.map((text) => [PIXEL, { type: "text", text }]),
);

const chatBody = fc.record({
  ...sampling,
  messages: fc.tuple(fc.boolean(), userContent).map(([briefed, content]) => [
    ...(briefed ? [{ role: "system", content: "Be brief." }] : []),
    { role: "user", content },
  ]),
  max_completion_tokens: rarely(fc.constantFrom(1, 4, 20)),
  logprobs: rarely(fc.boolean()),
  tools: rarely(fc.constant([{ type: "function", function: WEATHER }])),
  tool_choice: rarely(fc.constantFrom<unknown>("auto", "none", "required", NAMED)),
  reasoning_effort: rarely(fc.constantFrom("low", "high")),
  documents: rarely(fc.constant([{ title: "Tides", text: "They come and go." }])),
  chat_template_kwargs: rarely(fc.constant({ thinking: false })),
  thinks: rarely(fc.constant(true)),
}).map(({ thinks, ...body }) =>
  thinks === true ? { ...body, reasoning_effort: "low", messages: THINKING } : body
);

const responsesBody = fc.record({
  input: prompt,
  instructions: rarely(fc.constant("Be brief.")),
  max_output_tokens: fc.constantFrom(1, 2, 30, 90),
  previous_response_id: rarely(fc.constant("resp_1")),
});

const messagesBody = fc.record({
  messages: prompt.map((content) => [{ role: "user", content }]),
  system: rarely(fc.constant("Be brief.")),
  max_tokens: fc.constantFrom(1, 2, 30, 90),
  stop_sequences: rarely(fc.constant(["STOP"])),
});

const streaming = fc.tuple(
  fc.boolean(),
  fc.constantFrom<Fields | undefined>(
    undefined,
    undefined,
    { include_usage: true },
    { include_usage: true, continuous_usage_stats: true },
    { include_obfuscation: false },
    { continuous_usage_stats: true },
  ),
);

/** Any request; a chat has a limit, so that its answer ends before the context does. */
const anyRequest: fc.Arbitrary<AnyRequest> = fc.tuple(
  fc.oneof(
    { weight: 4, arbitrary: completionBody.map((body) => ["completions", body] as const) },
    {
      weight: 4,
      arbitrary: chatBody.map((body) => ["chat", body] as const),
    },
    responsesBody.map((body) => ["responses", body] as const),
    messagesBody.map((body) => ["messages", body] as const),
  ),
  streaming,
).map(([[form, body], [stream, options]]): AnyRequest => {
  const own = form === "completions" || form === "chat";
  const fields = Object.entries(body).filter(([, value]) => value !== undefined);
  return {
    form,
    body: {
      model: MODEL,
      ...Object.fromEntries(fields),
      ...(form === "chat" && !fields.some(([key]) => key === "max_tokens")
        ? { max_tokens: 40 }
        : {}),
      stream,
      ...(own && stream && options !== undefined ? { stream_options: options } : {}),
    },
  };
});

/** What the network and the notifications do meanwhile. */
const weather = fc.record({
  splitBytes: fc.constantFrom("none", "none", "random"),
  delayNotification: fc.constantFrom(false, 0.3, true),
  notificationDelayMs: fc.integer({ min: 0, max: 25 }),
  duplicateNotification: fc.constantFrom(false, 0.3),
  coalesceEvents: fc.constantFrom(0, 3),
});

async function compare(cluster: Cluster, { form, body }: AnyRequest): Promise<void> {
  const path = PATHS[form];
  const [ours, right] = await Promise.all([
    post(cluster.url + path, body).then(normal),
    post(cluster.single.url + path, body).then(normal),
  ]);
  // An engine's own failure becomes the router's to report.
  if (right.status >= 500) assert(ours.status >= 500, JSON.stringify(body));
  else assertEquals(ours, right, JSON.stringify({ form, body }));
}

async function check(shape: ClusterShape, seed: number): Promise<void> {
  await using cluster = await startCluster(shape);
  const property = fc.asyncProperty(
    fc.array(anyRequest, { minLength: 6, maxLength: 14 }),
    weather,
    async (requests, faults) => {
      for (const engine of cluster.prefills) Object.assign(engine.faults, faults);
      for (const engine of cluster.decodes) Object.assign(engine.faults, faults);
      const results = await Promise.allSettled(requests.map((each) => compare(cluster, each)));
      const failed = results.filter((result) => result.status === "rejected");
      if (failed.length > 0) throw new AggregateError(failed.map(({ reason }) => reason));
    },
  );
  await fc.assert(property, { seed, numRuns: 10, endOnFailure: true });
  await cluster.quiet();
  assertEquals(total(cluster.decodes, "staleReads"), 0);
  assertEquals(total(cluster.prefills, "plainOnSender"), 0);
  assert(total(cluster.prefills, "prefills") > 20);
  assert(total(cluster.decodes, "externalHits") > 20);
}

const SHAPES: readonly (readonly [name: string, shape: ClusterShape])[] = [
  ["LMCache P1", { prefills: 2, decodes: 2 }],
  ["LMCache P1, notified late", { prefill: { notify: 8 } }],
  ["LMCache P1, prompts told by the prefill", {
    prefills: 2,
    router: { tokenize: { how: "prefill", cacheBytes: 0 } },
  }],
  ["LMCache P1, prompts rendered and kept", {
    prefills: 2,
    router: { tokenize: { how: "render", cacheBytes: 10_000 } },
  }],
  ["LMCache D1", { prefills: 2, decodes: 2, modes: ["d1"] }],
  ["LMCache mixed", { prefills: 2, decodes: 2, modes: ["p1", "d1"] }],
  ["NIXL", { prefills: 2, decodes: 2, protocol: "nixl" }],
  ["shared storage", { prefills: 2, decodes: 2, protocol: "shared_storage" }],
];

for (const [index, [name, shape]] of SHAPES.entries()) {
  Deno.test(`any request is answered as by one engine, whatever the network does: ${name}`, async () => {
    await check(shape, 2026 + index);
  });
}
