import { preparePrompt, Sample, type SampleOptions } from "../../lib/sim/sample.ts";
import { parseSampling, type Sampling } from "../../lib/sim/sampling.ts";
import { decodeIds, encodeText } from "../../lib/sim/tokenizer.ts";
import { EOS } from "../../lib/sim/vocabulary.ts";
import { assert, assertEquals, assertNotEquals } from "../support/assert.ts";

function sampling(body: Record<string, unknown> = {}, maxTokens = 50): Sampling {
  return parseSampling({ return_token_ids: true, ...body }, {
    maxTokens,
    maxTokensParam: "max_tokens",
    logprobs: undefined,
  });
}

function run(
  prompt: string | readonly number[],
  params: Sampling,
  options: Partial<SampleOptions> = {},
): { readonly sample: Sample; readonly ids: readonly number[] } {
  const ids = typeof prompt === "string" ? encodeText(prompt, { bos: true }) : prompt;
  const sample = new Sample(preparePrompt(ids, 0), params, {
    index: 0,
    limit: params.maxTokens ?? 50,
    grammar: undefined,
    garbage: false,
    detokenizer: "fast",
    ...options,
  });
  while (sample.finishReason === undefined) sample.step();
  return { sample, ids: sample.takeIds() };
}

Deno.test("Sample says what a directive forces, then ends with EOS", () => {
  const { sample, ids } = run("[[sim:say Hello 世界]]", sampling());
  assertEquals(sample.text, "Hello 世界");
  assertEquals(sample.finishReason, "stop");
  assertEquals(sample.stopReason, null);
  assertEquals(ids.at(-1), EOS);
  assertEquals(sample.tokens, ids.length);
});

Deno.test("Sample ends at once on an empty forced text", () => {
  const { sample } = run("[[sim:say ]]", sampling());
  assertEquals([sample.text, sample.finishReason, sample.tokens], ["", "stop", 1]);
  assertEquals(sample.firstId, EOS);
});

Deno.test("Sample makes as many tokens as a length directive says, then EOS", () => {
  for (const length of [0, 1, 7]) {
    const { sample } = run(`[[sim:len ${length}]]`, sampling());
    assertEquals([sample.tokens, sample.finishReason], [length + 1, "stop"]);
  }
});

Deno.test("Sample ends with length at its limit", () => {
  const { sample } = run("[[sim:say one two three]]", sampling({}, 2));
  assertEquals([sample.tokens, sample.finishReason, sample.stopReason], [2, "length", null]);
});

Deno.test("Sample continues a split output exactly, at every split", () => {
  const prompt = encodeText("Tell me more", { bos: true });
  const params = sampling({ ignore_eos: true }, 40);
  const whole = run(prompt, params).ids;
  for (let cut = 1; cut < 40; cut++) {
    const rest = run([...prompt, ...whole.slice(0, cut)], sampling({ ignore_eos: true }, 40 - cut));
    assertEquals(rest.ids, whole.slice(cut));
  }
});

Deno.test("Sample goes on past EOS with ignore_eos", () => {
  const { sample } = run("[[sim:say one]]", sampling({ ignore_eos: true }, 30));
  assertEquals([sample.tokens, sample.finishReason], [30, "length"]);
  assert(sample.text.startsWith("one"));
});

Deno.test("Sample makes no EOS and no stop token before min_tokens", () => {
  const { sample } = run("[[sim:say ]]", sampling({ min_tokens: 5 }));
  assert(sample.tokens >= 5, `${sample.tokens} tokens`);
});

Deno.test("Sample ends on a stop token id, whose text shows only when asked", () => {
  const [stop = 0] = encodeText(" river");
  const silent = run("[[sim:say the river ends]]", sampling({ stop_token_ids: [stop] }));
  assertEquals([silent.sample.text, silent.sample.stopReason], ["the", stop]);
  const shown = run(
    "[[sim:say the river ends]]",
    sampling({ stop_token_ids: [stop], include_stop_str_in_output: true }),
  );
  assertEquals(shown.sample.text, "the river");
});

Deno.test("Sample ends on a stop string with its text as the reason", () => {
  const { sample } = run("[[sim:say the river ends]]", sampling({ stop: ["r en"] }));
  assertEquals([sample.text, sample.finishReason, sample.stopReason], ["the rive", "stop", "r en"]);
});

Deno.test("Sample begins a grammar at its own first token", () => {
  const grammar = encodeText('{"a":1}');
  const { sample } = run(["{"].flatMap((text) => encodeText(text)), sampling(), { grammar });
  assertEquals(sample.text, '{"a":1}');
});

Deno.test("Sample speaks garbage over KV that is not there, whatever is forced", () => {
  const { sample } = run("[[sim:say fine]]", sampling(), { garbage: true });
  assertEquals(sample.finishReason, "length");
  assert(!sample.text.includes("fine"));
});

Deno.test("Sample with another index says something else, index 0 the model's own", () => {
  const params = sampling({ ignore_eos: true }, 30);
  const first = run("Tell me", params).ids;
  assertEquals(run("Tell me", params).ids, first);
  assertNotEquals(run("Tell me", params, { index: 1 }).ids, first);
});

Deno.test("Sample gives log-probabilities that do not depend on the split", () => {
  const params = parseSampling({ ignore_eos: true, return_token_ids: true }, {
    maxTokens: 4,
    maxTokensParam: "max_tokens",
    logprobs: 3,
  });
  const prompt = encodeText("Tell me", { bos: true });
  const whole = run(prompt, params);
  const all = whole.sample.takeLogprobs();
  assertEquals(all.map(({ id }) => id), whole.ids);
  assertEquals(all.map(({ top }) => top.length), [3, 3, 3, 3]);
  assertEquals(all.map(({ id, top }) => top[0]?.id === id), [true, true, true, true]);
  const rest = run([...prompt, ...whole.ids.slice(0, 2)], params);
  assertEquals(rest.sample.takeLogprobs().slice(0, 2), all.slice(2));
  assertNotEquals(decodeIds(whole.ids), "");
});
