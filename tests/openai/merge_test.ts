import {
  concatBytes,
  decodeUtf8,
  encodeUtf8,
  RouterError,
  seededRandom,
} from "../../lib/base/mod.ts";
import {
  EventMerger,
  indexedChoices,
  JsonObject,
  type MergedEvent,
  mergeUsage,
  mergeWhole,
  type Usage,
} from "../../lib/openai/mod.ts";
import { SseDecoder } from "../../lib/sse/mod.ts";
import { assert, assertEquals, assertStringIncludes, assertThrows } from "../support/assert.ts";
import { allCuts } from "../support/cuts.ts";

const IDENTITY = { id: "cmpl-all", created: 9 };

function usage(prompt: number, completion: number, details?: unknown): Usage {
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    ...(details === undefined ? {} : { prompt_tokens_details: details }),
  };
}

const USAGES: readonly (readonly [
  name: string,
  parts: readonly (Usage | undefined)[],
  sum: Usage | undefined,
])[] = [
  ["nothing", [], undefined],
  ["one", [usage(1, 2)], usage(1, 2)],
  ["three", [usage(1, 2), usage(10, 20), usage(100, 200)], usage(111, 222)],
  ["a missing one", [usage(1, 2), undefined], undefined],
  ["null details", [usage(1, 2, null), usage(1, 2, null)], usage(2, 4, null)],
  [
    "cached tokens",
    [usage(1, 2, { cached_tokens: 3, other: 1 }), usage(1, 2, { cached_tokens: 4 })],
    usage(2, 4, { cached_tokens: 7, other: 1 }),
  ],
  [
    "cached tokens of some",
    [usage(1, 2, null), usage(1, 2, { cached_tokens: 4 })],
    usage(2, 4, { cached_tokens: 4 }),
  ],
  ["unknown fields", [{ ...usage(1, 2), x: [1] }, usage(1, 2)], { ...usage(2, 4), x: [1] }],
];

for (const [name, parts, sum] of USAGES) {
  Deno.test(`mergeUsage() of ${name}`, () => assertEquals(mergeUsage(parts), sum));
}

function whole(choices: string, more = ""): Uint8Array {
  return encodeUtf8(
    `{"id":"cmpl-1","object":"text_completion","created":1,"model":"m"${more},` +
      `"choices":${choices},"usage":{"prompt_tokens":2,"completion_tokens":1,"total_tokens":3}}`,
  );
}

Deno.test("mergeWhole() numbers choices by prompt and sample, and sums usage", () => {
  const parts = [
    whole('[{"index":0,"text":"a0"},{"index":1,"text":"a1"}]', ',"x":1.50'),
    whole('[{"index":1,"text":"b1"},{"index":0,"text":"b0"}]', ',"y":2'),
    whole('[{"text":"c0"},{"text":"c1"}]'),
  ];
  const text = decodeUtf8(mergeWhole(parts, IDENTITY, 2));
  assertStringIncludes(text, '"x":1.50');
  assertEquals(JSON.parse(text), {
    object: "text_completion",
    model: "m",
    x: 1.5,
    id: "cmpl-all",
    created: 9,
    choices: ["a0", "a1", "b0", "b1", "c0", "c1"].map((text, index) => ({ text, index })),
    usage: usage(6, 3),
  });
});

Deno.test("mergeWhole() keeps every other field of a choice as it is written", () => {
  const fields = '"logprobs":{"token_logprobs":[-1.0,null]},"prompt_logprobs":[null,{"5":1e-7}],' +
    '"text":"\\u00e9 \\"index\\":0"';
  const text = decodeUtf8(
    mergeWhole([whole("[]"), whole(`[{${fields},"index":0,"x" : {} }]`)], IDENTITY, 1),
  );
  assertStringIncludes(text, `{${fields},"x" : {},"index":1}`);
});

const NOT_WHOLE: readonly (readonly [answer: string, message: string])[] = [
  ["", "not a JSON object"],
  ["[]", "not a JSON object"],
  ["{}", "no list of choices"],
  ['{"choices":{}}', "no list of choices"],
  ['{"choices":null}', "no list of choices"],
  ['{"choices":[1]}', "a choice that is no object"],
  ['{"choices":[{"index":"0"}]}', "a choice without an index"],
  ['{"choices":[{"index":-1}]}', "a choice without an index"],
  ['{"choices":[],"usage":{"x":"\\x"}}', "malformed usage"],
];

for (const [answer, message] of NOT_WHOLE) {
  Deno.test(`mergeWhole() refuses ${JSON.stringify(answer)}`, () => {
    const merge = (): unknown => mergeWhole([whole("[]"), encodeUtf8(answer)], IDENTITY, 1);
    assertEquals(assertThrows(merge, RouterError, message).code, "upstream-protocol");
  });
}

Deno.test("mergeWhole() leaves usage out unless every answer has it", () => {
  const bare = encodeUtf8('{"choices":[{"index":0}]}');
  for (const parts of [[whole("[]"), bare], [bare, whole("[]")]]) {
    assert(!("usage" in JSON.parse(decodeUtf8(mergeWhole(parts, IDENTITY, 1)))));
  }
});

Deno.test("indexedChoices() gives none for a chunk without any", () => {
  assertEquals(indexedChoices(new JsonObject(encodeUtf8('{"choices":[]}')), 3, 1), []);
});

/** A chunk as vLLM writes it, or as this router does. */
function chunk(index: number, text: string, more: Record<string, unknown> = {}): string {
  const choice = { index, text, logprobs: null, finish_reason: null, stop_reason: null, ...more };
  return JSON.stringify({ id: "cmpl-1", object: "o", created: 1, model: "m", choices: [choice] });
}

function ownChunk(index: number, text: string): string {
  const choice = { text, index, logprobs: null, finish_reason: null };
  return JSON.stringify({ id: "cmpl-1", object: "o", created: 1, model: "m", choices: [choice] });
}

function passed(event: MergedEvent): unknown {
  assertEquals(event.kind, "pass", JSON.stringify(event));
  return event.kind === "pass" ? JSON.parse(decodeUtf8(concatBytes(event.data))) : undefined;
}

/** What a chunk must become: parsed, changed, nothing else. */
function expected(data: string, add: number): unknown {
  const value = JSON.parse(data);
  value.id = IDENTITY.id;
  value.created = IDENTITY.created;
  for (const choice of value.choices) choice.index += add;
  return value;
}

const TEXTS: readonly string[] = [
  " one",
  "",
  '"',
  "\\",
  '","index":7,"text":"',
  '\\"}]}',
  "é世😀\n\u0000\u2028",
  '"\\u0000\\u0000place\\u0000\\u0000"',
  "x".repeat(300),
];

Deno.test("EventMerger.read() changes id, time and index alone, whatever the text", () => {
  const random = seededRandom(5);
  for (const make of [chunk, ownChunk]) {
    const merger = new EventMerger(3, 2, IDENTITY);
    for (let round = 0; round < 300; round++) {
      const index = Math.floor(random.next() * 2);
      const pick = (): string => TEXTS[Math.floor(random.next() * TEXTS.length)] ?? "";
      const data = make(index, pick() + (random.next() < 0.5 ? pick() : ""));
      assertEquals(passed(merger.read(encodeUtf8(data))), expected(data, 6), data);
    }
  }
});

Deno.test("EventMerger.read() does not take an event for one it knows by its text alone", () => {
  const merger = new EventMerger(1, 1, IDENTITY);
  const logprobs = { tokens: [" a"], token_logprobs: [-0.5] };
  const others = [
    chunk(0, " a"),
    chunk(0, " a", { finish_reason: "stop", stop_reason: "x" }),
    chunk(0, " a", { logprobs }),
    chunk(0, " a", { token_ids: [5] }),
    chunk(0, " a", { token_ids: [6] }),
    chunk(0, " a", { x: 1 }),
    chunk(0, " a", { y: "z" }),
    chunk(4, " a"),
    chunk(0, " a").replace('"m"', '"other"'),
    chunk(0, " a").replace("[{", "[ {").replace(":0", ": 0"),
    `${chunk(0, " a").slice(0, -1)},"usage":{"prompt_tokens":1}}`,
  ];
  for (let round = 0; round < 3; round++) {
    for (const data of others) {
      assertEquals(passed(merger.read(encodeUtf8(data))), expected(data, 1), data);
    }
  }
});

Deno.test("EventMerger.read() keeps a chunk's other bytes as they are", () => {
  const merger = new EventMerger(1, 1, IDENTITY);
  const data = chunk(0, " a", { logprobs: {} }).replace("{}", '{"token_logprobs":[-1.0]}');
  const event = merger.read(encodeUtf8(data));
  const text = event.kind === "pass" ? decodeUtf8(concatBytes(event.data)) : "";
  assertStringIncludes(text, '"logprobs":{"token_logprobs":[-1.0]}');
});

Deno.test("EventMerger.read() hands the text of a known event on without a copy", () => {
  const merger = new EventMerger(0, 1, IDENTITY);
  merger.read(encodeUtf8(chunk(0, " a")));
  const data = encodeUtf8(chunk(0, " b"));
  const event = merger.read(data);
  const views = event.kind === "pass"
    ? event.data.filter((part) => part.buffer === data.buffer)
    : [];
  assertEquals(views.map(decodeUtf8), [" b"]);
});

Deno.test("EventMerger.read() tells usage, errors and the end from chunks", () => {
  const merger = new EventMerger(0, 1, IDENTITY);
  const counts = usage(3, 4);
  const last = merger.read(encodeUtf8(JSON.stringify({ choices: [], usage: counts })));
  assertEquals(last.kind === "usage" ? last.usage : last, counts);
  const none = merger.read(encodeUtf8('{"choices":[]}'));
  assertEquals(none.kind === "usage" ? none.usage : none, undefined);
  assertEquals(merger.read(encodeUtf8("[DONE]")), { kind: "done" });
  const data = encodeUtf8('{"error":{"message":"no"}}');
  assertEquals(merger.read(data), { kind: "error", data });
  const odd = ["", "7", "{", '{"choices":[{"index":0}', '{"a":1}', '{"choices":[1]}', "[DONE"];
  for (const text of odd) {
    const event = merger.read(encodeUtf8(text));
    assertEquals(event.kind, "malformed", text);
  }
});

Deno.test("EventMerger.read() writes an event of several lines on one", () => {
  const merger = new EventMerger(1, 1, IDENTITY);
  for (const text of ["a", "b"]) {
    const data = JSON.stringify(JSON.parse(chunk(0, text)), undefined, 1);
    const event = merger.read(encodeUtf8(data));
    assertEquals(passed(event), expected(data, 1));
    const bytes = event.kind === "pass" ? concatBytes(event.data) : new Uint8Array(0);
    assert(bytes.length > 0 && !bytes.includes(0x0a));
  }
  const failed = merger.read(encodeUtf8('{\n"error":{}}'));
  assertEquals(failed.kind === "error" ? decodeUtf8(failed.data) : failed, '{ "error":{}}');
});

Deno.test("EventMerger.read() gives the same events however the stream is cut", () => {
  const datas = [
    chunk(0, " a"),
    chunk(0, "é😀"),
    chunk(1, '"x"'),
    chunk(0, "", {
      finish_reason: "length",
    }),
  ];
  const stream = encodeUtf8(datas.map((data) => `data: ${data}\n\n`).join(""));
  for (const { name, pieces } of allCuts(stream)) {
    const decoder = new SseDecoder();
    const merger = new EventMerger(2, 2, IDENTITY);
    const got: unknown[] = [];
    for (const piece of pieces) {
      decoder.push(piece);
      for (let data = decoder.next(); data !== undefined; data = decoder.next()) {
        got.push(passed(merger.read(data)));
      }
    }
    assertEquals(got, datas.map((data) => expected(data, 4)), name);
  }
});
