import { decodeUtf8, encodeUtf8, RouterError } from "../../lib/base/mod.ts";
import { type GenerationRequest, hasMediaParts, type PromptSource } from "../../lib/disagg/mod.ts";
import { type AnswerForm, JsonObject } from "../../lib/openai/mod.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";
import { type Asked, generation } from "./support.ts";

/** A prompt's source with its bytes as text. */
function sourceText(prompt: PromptSource): string {
  switch (prompt.kind) {
    case "text":
      return `text ${decodeUtf8(prompt.raw)}`;
    case "tokens":
      return `${prompt.count} tokens ${decodeUtf8(prompt.ids)}`;
    default:
      return prompt.kind;
  }
}

const PROMPTS: readonly (readonly [prompt: string, source: string])[] = [
  ['"hi"', 'text "hi"'],
  ['"a \\"b\\" \\u00e9"', 'text "a \\"b\\" \\u00e9"'],
  ['["one"]', 'text "one"'],
  ['[ "one" ]', 'text "one"'],
  ["[1,2,3]", "3 tokens [1,2,3]"],
  ["[9]", "1 tokens [9]"],
  ["[0, 0]", "2 tokens [0, 0]"],
  ["[ 1 ,\n\t2\r]", "2 tokens [ 1 ,\n\t2\r]"],
  ["[[1,2]]", "2 tokens [1,2]"],
  ["[ [ 1, 2 ] ]", "2 tokens [ 1, 2 ]"],
  ['["one","two"]', "several"],
  ["[[1,2],[3]]", "several"],
  ['["one",2]', "several"],
  ["[[1],2]", "several"],
  ['""', "unusable"],
  ['[""]', "unusable"],
  ["[]", "unusable"],
  ["[[]]", "unusable"],
  ["[1.5]", "unusable"],
  ["[1,2.0]", "2 tokens [1,2]"],
  ["[1e3]", "1 tokens [1000]"],
  ["[-1]", "unusable"],
  ["[1,-1]", "unusable"],
  ['[1,"2"]', "2 tokens [1,2]"],
  ['["1",2]', "2 tokens [1,2]"],
  ['[1,"two"]', "unusable"],
  ['["1","2"]', "several"],
  ['[["1","2"]]', "2 tokens [1,2]"],
  ['[["1"],[2.0]]', "several"],
  ["[1,[2]]", "unusable"],
  ["[1,null]", "unusable"],
  ["[[[1]]]", "unusable"],
  ['[["one"]]', "unusable"],
  ["[true]", "1 tokens [1]"],
  ["[false, 7]", "2 tokens [0,7]"],
  ["[null]", "unusable"],
  ["[{}]", "unusable"],
  ["{}", "unusable"],
  ["7", "unusable"],
  ["true", "unusable"],
  ["null", "unusable"],
];

for (const [prompt, source] of PROMPTS) {
  Deno.test(`readGeneration() reads the prompt ${JSON.stringify(prompt)} as ${source}`, () => {
    const request = generation("completions", `{"model":"m","prompt": ${prompt} }`);
    assertEquals(sourceText(request.prompt), source);
  });
}

Deno.test("readGeneration() finds no prompt where there is none, and the last of two", () => {
  assertEquals(generation("completions", '{"model":"m"}').prompt, { kind: "unusable" });
  const twice = generation("completions", '{"model":"m","prompt":"a","prompt":[5]}');
  assertEquals(sourceText(twice.prompt), "1 tokens [5]");
});

Deno.test("readGeneration() leaves ids and text where they are, as views of the body", () => {
  for (const prompt of ["[1, 2, 3]", '"hi"']) {
    const { body, prompt: read } = generation("completions", `{"model":"m","prompt":${prompt}}`);
    assert(read.kind === "tokens" || read.kind === "text");
    const view = read.kind === "tokens" ? read.ids : read.raw;
    assert(view.buffer === body.bytes.buffer);
  }
});

Deno.test("readGeneration() takes a chat's prompt from its messages, whatever `prompt` says", () => {
  assertEquals(generation("chat", { prompt: [1, 2] }).prompt, { kind: "messages" });
});

interface Limits {
  readonly maxTokens?: number | undefined;
  readonly minTokens?: number;
  readonly malformed?: boolean;
}

const LIMITS: readonly (readonly [form: AnswerForm, asked: Asked, limits: Limits])[] = [
  ["completions", {}, {}],
  ["completions", { max_tokens: 5, min_tokens: 2 }, { maxTokens: 5, minTokens: 2 }],
  ["completions", { max_tokens: 5.0 }, { maxTokens: 5 }],
  ["completions", { max_tokens: 5, min_tokens: 5 }, { maxTokens: 5, minTokens: 5 }],
  ["completions", { max_tokens: 5, min_tokens: 6 }, {
    maxTokens: 5,
    minTokens: 6,
    malformed: true,
  }],
  ["completions", { max_completion_tokens: 5 }, {}],
  ["completions", { max_tokens: null, min_tokens: null }, {}],
  ["completions", { min_tokens: 0 }, {}],
  ["chat", { max_tokens: 5 }, { maxTokens: 5 }],
  ["chat", { max_completion_tokens: 4, max_tokens: 5 }, { maxTokens: 4 }],
  ["chat", { max_completion_tokens: null, max_tokens: 5 }, { maxTokens: 5 }],
  ["chat", { max_completion_tokens: "4", max_tokens: 5 }, { maxTokens: 4 }],
  ["chat", { max_completion_tokens: "four", max_tokens: 5 }, { malformed: true }],
  ...["max_tokens", "min_tokens"].flatMap((key) =>
    [-1, 1.5, "5.5", "five", "", "-1", [], {}, 2 ** 53].map((value) =>
      ["completions", { [key]: value }, { malformed: true }] as const
    )
  ),
  ["completions", { max_tokens: 0 }, { malformed: true }],
  ["completions", { max_tokens: false }, { malformed: true }],
  ["completions", { max_tokens: "0" }, { malformed: true }],
  // As engines read them: text, fractions of nothing, and truth values.
  ["completions", { max_tokens: "5" }, { maxTokens: 5 }],
  ["completions", { max_tokens: " +5.0 " }, { maxTokens: 5 }],
  ["completions", { max_tokens: "1_000" }, { maxTokens: 1000 }],
  ["completions", { max_tokens: true }, { maxTokens: 1 }],
  ["completions", { min_tokens: "5", max_tokens: 9 }, { maxTokens: 9, minTokens: 5 }],
  ["completions", { min_tokens: true, max_tokens: "1" }, { maxTokens: 1, minTokens: 1 }],
  ["completions", '{"model":"m","prompt":"a","max_tokens":16.0}', { maxTokens: 16 }],
  ["completions", '{"model":"m","prompt":"a","max_tokens":1.6e1}', { maxTokens: 16 }],
  ["completions", '{"model":"m","prompt":"a","max_tokens":NaN}', { malformed: true }],
  ["completions", '{"model":"m","prompt":"a","max_tokens":-Infinity}', { malformed: true }],
];

for (const [form, asked, limits] of LIMITS) {
  Deno.test(`readGeneration() reads the limits of ${form} ${JSON.stringify(asked)}`, () => {
    const { maxTokens, minTokens, malformed } = generation(form, asked);
    const plain = { maxTokens: undefined, minTokens: 0, malformed: false };
    assertEquals({ maxTokens, minTokens, malformed }, { ...plain, ...limits });
  });
}

const STOPS: readonly (readonly [stop: unknown, read: readonly string[], malformed: boolean])[] = [
  [undefined, [], false],
  [null, [], false],
  ["END", ["END"], false],
  ["", [], false],
  [["a", "b"], ["a", "b"], false],
  [["a", ""], ["a"], false],
  [[], [], false],
  [7, [], true],
  [["a", 7], [], true],
  [{}, [], true],
];

for (const [stop, read, malformed] of STOPS) {
  Deno.test(`readGeneration() reads the stop ${JSON.stringify(stop)}`, () => {
    const request = generation("completions", { stop });
    assertEquals([request.stop, request.malformed], [read, malformed]);
  });
}

type Usage = Pick<GenerationRequest, "includeUsage" | "continuousUsage" | "malformed">;

const OPTIONS: readonly (readonly [asked: Asked, usage: Partial<Usage>])[] = [
  [{ stream: true }, {}],
  [{ stream: true, stream_options: null }, {}],
  [{ stream: true, stream_options: {} }, { includeUsage: undefined }],
  [{ stream: true, stream_options: { include_obfuscation: false } }, { includeUsage: undefined }],
  [{ stream: true, stream_options: { include_usage: null } }, { includeUsage: undefined }],
  [{ stream: true, stream_options: { include_usage: true } }, { includeUsage: true }],
  [{ stream: true, stream_options: { include_usage: false } }, {}],
  [
    { stream: true, stream_options: { continuous_usage_stats: true } },
    { includeUsage: undefined, continuousUsage: true },
  ],
  [
    { stream: true, stream_options: { include_usage: true, continuous_usage_stats: true } },
    { includeUsage: true, continuousUsage: true },
  ],
  [{ stream: true, stream_options: { include_usage: false, continuous_usage_stats: true } }, {}],
  [
    { stream: true, stream_options: { include_usage: true, continuous_usage_stats: false } },
    { includeUsage: true },
  ],
  [{ stream: true, stream_options: "x" }, { malformed: true }],
  [{ stream: false, stream_options: {} }, { includeUsage: undefined, malformed: true }],
  [{ stream_options: {} }, { includeUsage: undefined, malformed: true }],
];

for (const [asked, usage] of OPTIONS) {
  Deno.test(`readGeneration() reads ${JSON.stringify(asked)}`, () => {
    const { includeUsage, continuousUsage, malformed } = generation("chat", asked);
    const plain = { includeUsage: false, continuousUsage: false, malformed: false };
    assertEquals({ includeUsage, continuousUsage, malformed }, { ...plain, ...usage });
  });
}

Deno.test("readGeneration() carries form, model and stream, and calls odd messages malformed", () => {
  const { form, model, stream, malformed } = generation("chat", { stream: true });
  assertEquals([form, model, stream, malformed], ["chat", "m", true, false]);
  for (const messages of ["hi", null, {}, 7]) {
    assertEquals(generation("chat", { messages }).malformed, true, JSON.stringify(messages));
  }
  assertEquals(generation("completions", { messages: "hi" }).malformed, false);
});

Deno.test("readGeneration() names a field whose string is malformed", () => {
  const error = assertThrows(
    () => generation("completions", '{"model":"m","prompt":"a","stop":"\\x"}'),
    RouterError,
    "Field 'stop' is not valid JSON",
  );
  assertEquals(error.code, "bad-request");
});

const MEDIA: readonly (readonly [messages: string, media: boolean])[] = [
  ["[]", false],
  ['[{"role":"user","content":"an image_url"}]', false],
  ['[{"role":"user","content":null}]', false],
  ['[{"role":"user"}]', false],
  ['[{"role":"user","content":[]}]', false],
  ['[{"content":[{"type":"text","text":"\\"type\\":\\"image_url\\""}]}]', false],
  ['[{"content":[ { "text" : "a" , "type" : "text" } ]}]', false],
  ['[{"content":["hi"]}]', false],
  ['[{"content":[{"type":"image_url","type":"text","text":"a"}]}]', false],
  ['[{"content":[{"type":"image_url","image_url":{"url":"x"}}]}]', true],
  ['[{"content":[{"type":"text","text":"a"},{"type":"input_audio"}]}]', true],
  ['[{"content":"a"},{"content":[{"type":"video_url"}]}]', true],
  ['[{"content":[{"type":"text","type":"image_url"}]}]', true],
  ['[{"c\\u006fntent":[{"typ\\u0065":"image_url"}]}]', true],
  ['[{"content":"a","content":[{"type":"image_url"}]}]', true],
  ['[{"content":[{"image_url":"data:,"}]}]', true],
  ['[{"content":[{"type":null,"image_url":"data:,"}]}]', true],
  ['["hi",7,null,[],{"content":[{"type":"image_url"}]}]', true],
  ['"hi"', false],
  ["{}", false],
  ["null", false],
];

for (const [messages, media] of MEDIA) {
  Deno.test(`hasMediaParts() of ${messages} is ${media}`, () => {
    const body = new JsonObject(encodeUtf8(`{"model":"m","messages": ${messages} }`));
    assertEquals(hasMediaParts(body), media);
  });
}

Deno.test("hasMediaParts() is false without messages", () => {
  assertEquals(hasMediaParts(new JsonObject(encodeUtf8("{}"))), false);
});

/** `logprobs` as read; "odd" where an engine has to judge it. */
const LOGPROBS:
  readonly (readonly [form: AnswerForm, asked: Asked, read: number | "odd" | null])[] = [
    ["completions", {}, null],
    ["completions", { logprobs: null }, null],
    ["completions", { logprobs: false }, 0],
    ["completions", { logprobs: 0 }, 0],
    ["completions", { logprobs: 5 }, 5],
    ["completions", { logprobs: true }, 1],
    ["completions", { logprobs: 2.5 }, "odd"],
    ["completions", { logprobs: -1 }, "odd"],
    ["completions", { logprobs: "2" }, "odd"],
    ["completions", { top_logprobs: 2 }, null],
    ["chat", {}, null],
    ["chat", { logprobs: false }, null],
    ["chat", { logprobs: false, top_logprobs: 0 }, null],
    ["chat", { logprobs: true }, 0],
    ["chat", { logprobs: true, top_logprobs: null }, 0],
    ["chat", { logprobs: true, top_logprobs: 3 }, 3],
    ["chat", { top_logprobs: 3 }, "odd"],
    ["chat", { logprobs: true, top_logprobs: -1 }, "odd"],
    ["chat", { logprobs: 1 }, 0],
    ["chat", { logprobs: "on", top_logprobs: 2 }, 2],
    ["chat", { logprobs: "off" }, null],
    ["chat", { logprobs: 2 }, "odd"],
    ["chat", { logprobs: "maybe" }, "odd"],
    ["chat", { logprobs: true, top_logprobs: "3" }, "odd"],
  ];

for (const [form, asked, read] of LOGPROBS) {
  Deno.test(`readGeneration() takes logprobs of ${form} ${JSON.stringify(asked)} as ${read}`, () => {
    const { logprobs, malformed } = generation(form, asked);
    assertEquals([logprobs ?? null, malformed], [read === "odd" ? null : read, read === "odd"]);
  });
}
