import {
  type Answer,
  EXCHANGE_GROUPS,
  familiesOf,
  type Json,
  readRecording,
  record,
  runExchanges,
  runsOf,
  spelledOut,
  squeezed,
  withPlaceholders,
  writeRecording,
} from "../../scripts/real/recording/mod.ts";
import { assert, assertEquals, assertRejects } from "../support/assert.ts";
import { differences } from "./contract_compare.ts";

const CHUNK = {
  id: "cmpl-<16 hex>",
  object: "text_completion",
  created: "<whole number>",
  model: "m",
};

function chunk(index: number, text: string, finish: string | null = null): { data: Json } {
  return { data: { ...CHUNK, choices: [{ index, text, finish_reason: finish }] } };
}

function streamed(...events: readonly { readonly data: Json }[]): Answer {
  const contentType = "text/event-stream; charset=utf-8";
  return { status: 200, contentType, body: { kind: "events", events } };
}

function whole(value: Json, status = 200): Answer {
  return { status, contentType: "application/json", body: { kind: "json", value } };
}

Deno.test("withPlaceholders() keeps the kind of what differs from run to run", () => {
  const value = {
    id: "cmpl-0123456789abcdef-0-89abcdef",
    system_fingerprint: "vllm-0.32.0-b0c63406",
    remote_engine_id: "123e4567-e89b-12d3-a456-426614174000",
    remote_port: 18601,
    root: "/models/m",
    created: 1_795_359_137,
    text: "0123456789abcdef",
    logprob: -1.23456,
    nested: [{ request_id: "mine", created: 1.5 }],
  };
  assertEquals(withPlaceholders(value), {
    id: "cmpl-<16 hex>-0-<8 hex>",
    system_fingerprint: "vllm-0.32.0-<8 hex>",
    remote_engine_id: "<uuid>",
    remote_port: "<port>",
    root: "<root>",
    created: "<whole number>",
    text: "0123456789abcdef",
    logprob: -1.23,
    nested: [{ request_id: "mine", created: "<number>" }],
  });
});

Deno.test("squeezed() keeps the ends of runs of one form, choice by choice", () => {
  const done = { data: "[DONE]" };
  const events = [
    chunk(0, "a"),
    chunk(1, "b"),
    chunk(0, "c"),
    chunk(0, "d"),
    chunk(0, "e", "length"),
    chunk(1, "f", "length"),
    done,
  ];
  assertEquals(squeezed(events), [
    chunk(0, "a"),
    chunk(0, "d"),
    chunk(0, "e", "length"),
    chunk(1, "b"),
    chunk(1, "f", "length"),
    done,
  ]);
  assertEquals(runsOf(events).map((run) => run.length), [3, 1, 1, 1, 1]);
});

Deno.test("readRecording() gives what writeRecording() was given", () => {
  const events = [chunk(0, "a"), { event: "ping", data: { a: 1 } }, { data: "[DONE]" }];
  const file = {
    head: { about: "A test", vllm: "0.32.0" },
    exchanges: [
      { exchange: { name: "stream", path: "/a" }, answer: streamed(...events) },
      { exchange: { name: "other stream", path: "/b" }, answer: streamed({ data: { id: 1 } }) },
      { exchange: { name: "whole", path: "/c" }, answer: whole({ b: 1, a: null }) },
    ],
  };
  assertEquals(readRecording(writeRecording(file)), file);
});

Deno.test("spelledOut() makes long lists and texts out of short ones", () => {
  assertEquals(spelledOut({ prompt: { $ids: [3, 50] }, text: [{ $text: ["ab", 2] }] }), {
    prompt: [40, 90, 60],
    text: ["abab"],
  });
});

Deno.test("familiesOf() gives names, types and labels of what is read", () => {
  const text = [
    "# HELP vllm:num_requests_running Requests.",
    "# TYPE vllm:num_requests_running gauge",
    'vllm:num_requests_running{engine="0",model_name="a\\"b"} 1.0',
    "# TYPE vllm:time_to_first_token_seconds histogram",
    'vllm:time_to_first_token_seconds_bucket{le="0.1",engine="0"} 1.0',
    "# TYPE vllm:prompt_tokens_created gauge",
    "# TYPE python_info gauge",
  ].join("\n");
  assertEquals(familiesOf(text), [
    { name: "vllm:num_requests_running", type: "gauge", labels: ["engine", "model_name"] },
    { name: "vllm:time_to_first_token_seconds", type: "histogram", labels: ["engine", "le"] },
  ]);
});

const USAGE = { prompt_tokens: 1, total_tokens: 3, completion_tokens: 2 };
const ANSWER = { object: "text", choices: [{ index: 0, text: "a", stop: null }], usage: USAGE };

const UNLIKE: readonly (readonly [name: string, real: Answer, other: Answer])[] = [
  ["status", whole(ANSWER), whole(ANSWER, 400)],
  ["a missing key", whole(ANSWER), whole({ ...ANSWER, usage: { ...USAGE, more: null } })],
  ["order of keys", whole({ a: 1, b: 1 }), whole({ b: 1, a: 1 })],
  ["null for text", whole({ text: "a" }), whole({ text: null })],
  ["a word", whole(ANSWER), whole({ ...ANSWER, object: "chat" })],
  ["number of choices", whole(ANSWER), whole({ ...ANSWER, choices: [] })],
  [
    "tokens",
    whole(ANSWER),
    whole({
      ...ANSWER,
      usage: { prompt_tokens: 1, total_tokens: 4, completion_tokens: 3 },
    }),
  ],
  ["a sum", whole(ANSWER), whole({ ...ANSWER, usage: { ...USAGE, total_tokens: 9 } })],
  ["a message", whole({ message: "Too long: 3" }, 400), whole({ message: "Too short: 3" }, 400)],
  ["an id's form", whole({ id: "cmpl-<16 hex>" }), whole({ id: "cmpl-<32 hex>" })],
  ["a missing event", streamed(chunk(0, "a"), { data: "[DONE]" }), streamed(chunk(0, "a"))],
  ["one more event", streamed(chunk(0, "a")), streamed(chunk(0, "a"), { data: "[DONE]" })],
  ["kind of body", whole(ANSWER), { ...whole(ANSWER), body: { kind: "empty" } }],
];

for (const [name, real, other] of UNLIKE) {
  Deno.test(`differences() tells of ${name}`, () => {
    assert(differences(real, other).length > 0);
    assertEquals(differences(real, real), []);
  });
}

Deno.test("differences() passes over words of the model, numbers in messages and counts of events", () => {
  assertEquals(
    differences(whole({ text: "a", logprob: -1 }), whole({ text: "b", logprob: -2 })),
    [],
  );
  const [long, longer] = ["Length 3 of 9", "Length 44 of 9"];
  assertEquals(differences(whole({ message: long }), whole({ message: longer })), []);
  const few = streamed(chunk(0, "a"), chunk(0, "b", "length"));
  const many = streamed(chunk(0, "a"), chunk(0, "c"), chunk(0, "d"), chunk(0, "e", "length"));
  assertEquals(differences(few, many), []);
});

Deno.test("EXCHANGE_GROUPS name each exchange once, and take params of earlier ones", () => {
  const all = EXCHANGE_GROUPS.flatMap(({ exchanges }) => exchanges);
  assertEquals(new Set(all.map(({ name }) => name)).size, all.length);
  for (const { takes } of all) {
    if (takes !== undefined) assert(all.some(({ name }) => name === takes.from), takes.from);
  }
});

Deno.test("record() writes the groups whose engines are there, with params handed on", async () => {
  const asked: Json[] = [];
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      if (request.url.endsWith("/version")) return Response.json({ version: "9.9" });
      asked.push(await request.json());
      return Response.json({ id: "x", kv_transfer_params: { port: 1, host: "a" } });
    },
  );
  const url = `http://127.0.0.1:${server.addr.port}`;
  const out = await Deno.makeTempDir();
  const first = { name: "first", path: "/a", body: { n: 1 } };
  const takes = { from: "first", changes: { port: 2 }, without: ["host"] };
  const groups = [
    { name: "here", about: "A", exchanges: [first, { name: "next", path: "/b", body: {}, takes }] },
    { name: "elsewhere", about: "B", exchanges: [{ ...first, target: "decode" as const }] },
  ];
  const written = await record({ engines: { engine: url }, groups, out });
  assertEquals(written, [{ file: `${out}/here.jsonl`, exchanges: 2 }]);
  const { head, exchanges } = readRecording(await Deno.readTextFile(`${out}/here.jsonl`));
  await Deno.remove(out, { recursive: true });
  assertEquals(head, { about: "A", vllm: "9.9" });
  assertEquals(exchanges.map(({ exchange }) => exchange.name), ["first", "next"]);
  assertEquals(asked, [{ n: 1 }, { kv_transfer_params: { port: 2 } }]);
});

Deno.test("runExchanges() fails when there is no engine, or an earlier answer gave no params", async () => {
  const exchange = { name: "a", path: "/a" };
  await assertRejects(() => runExchanges({}, [exchange]), TypeError, "No URL to ask engine at");
  const takes = { from: "nothing" };
  await assertRejects(
    () => runExchanges({ engine: "http://127.0.0.1:1" }, [{ ...exchange, body: {}, takes }]),
    Error,
    "nothing gave no params",
  );
});
