import { byteLength, decodeUtf8, RouterError } from "../../lib/base/mod.ts";
import { MAX_PROMPTS, promptsOf, samplesOf, withPrompt } from "../../lib/disagg/mod.ts";
import { assertEquals, assertThrows } from "../support/assert.ts";
import { generation } from "./support.ts";

const LISTS: readonly (readonly [prompt: string, prompts: readonly string[]])[] = [
  ['["one","two"]', ['"one"', '"two"']],
  ['[ "a\\"]" ,\n"\\u00e9", "" ]', ['"a\\"]"', '"\\u00e9"', '""']],
  ["[[1,2],[3]]", ["[1,2]", "[3]"]],
  ["[ [ 1, 2 ] , [ ] ]", ["[ 1, 2 ]", "[ ]"]],
];

for (const [prompt, prompts] of LISTS) {
  Deno.test(`promptsOf() gives the prompts of ${JSON.stringify(prompt)}`, () => {
    const request = generation("completions", `{"model":"m","prompt":${prompt}}`);
    assertEquals(promptsOf(request).map(decodeUtf8), prompts);
  });
}

for (const prompt of ['["one",2]', '["one",[1]]', "[[1],2]", '[[1],"two"]', '[["a"],["b"]]']) {
  Deno.test(`promptsOf() refuses ${prompt}`, () => {
    const request = generation("completions", `{"model":"m","prompt":${prompt}}`);
    const error = assertThrows(() => promptsOf(request), RouterError, "list of texts");
    assertEquals([error.code, error.param], ["bad-request", "prompt"]);
  });
}

Deno.test("promptsOf() takes 2,048 prompts and refuses more", () => {
  const list = (count: number): unknown => Array.from({ length: count }, (_, at) => [at]);
  const most = generation("completions", { prompt: list(MAX_PROMPTS) });
  assertEquals(promptsOf(most).length, 2048);
  const more = generation("completions", { prompt: list(MAX_PROMPTS + 1) });
  const error = assertThrows(() => promptsOf(more), RouterError, "more than 2048 prompts");
  assertEquals([error.code, error.param], ["bad-request", "prompt"]);
});

Deno.test("withPrompt() changes the prompt alone", () => {
  const text = '{"prompt":["a",""],"model":"m","x":1.50,"stream":true,' +
    '"stream_options":{"include_usage":true},"max_tokens":7,"n":2}';
  const request = generation("completions", text);
  const [first, second] = promptsOf(request).map((prompt) => withPrompt(request, prompt));
  assertEquals(
    decodeUtf8(first?.body.bytes ?? new Uint8Array(0)),
    '{"model":"m","x":1.50,"stream":true,"stream_options":{"include_usage":true},' +
      '"max_tokens":7,"n":2,"prompt":"a"}',
  );
  assertEquals([first?.prompt.kind, second?.prompt.kind], ["text", "unusable"]);
  assertEquals([first?.maxTokens, first?.includeUsage, first?.stream], [7, true, true]);
});

Deno.test("withPrompt() keeps the resolved name of the model", () => {
  const request = { ...generation("completions", { prompt: [[1], [2]] }), model: "real" };
  const [prompt] = promptsOf(request);
  assertEquals(withPrompt(request, prompt ?? new Uint8Array(0)).model, "real");
});

Deno.test("samplesOf() is n, and 1 for what only an engine can judge", () => {
  const n = (value: unknown): number => samplesOf(generation("completions", { n: value }));
  assertEquals([undefined, null, 1, 3, 0, -1, 1.5, "two"].map(n), [1, 1, 1, 3, 1, 1, 1, 1]);
  assertEquals(["2", 2.0, " 3 ", true].map(n), [2, 2, 3, 1]);
});

Deno.test("promptsOf() takes ids however engines take them, and withPrompt() keeps them as sent", () => {
  const request = generation("completions", '{"model":"m","prompt":[[1.0,"2"],[true],[3]]}');
  const prompts = promptsOf(request).map((prompt) => withPrompt(request, prompt));
  assertEquals(
    prompts.map(({ prompt }) => prompt.kind === "tokens" ? decodeUtf8(prompt.ids) : prompt.kind),
    ["[1,2]", "[1]", "[3]"],
  );
  assertEquals(prompts.map(({ body }) => decodeUtf8(body.bytes)), [
    '{"model":"m","prompt":[1.0,"2"]}',
    '{"model":"m","prompt":[true]}',
    '{"model":"m","prompt":[3]}',
  ]);
});

Deno.test("withPrompt() copies nothing of the body", () => {
  const request = generation("completions", { prompt: ["a", "b"], user: "x".repeat(100_000) });
  const whole = request.body.bytes;
  for (const prompt of promptsOf(request)) {
    const parts = withPrompt(request, prompt).body.parts;
    const own = parts.filter(({ buffer }) => buffer !== whole.buffer);
    assertEquals(byteLength(own) < 100, true);
    assertEquals(byteLength(parts) > 100_000, true);
  }
});
