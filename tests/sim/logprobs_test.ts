import { ApiError } from "../../lib/sim/api_error.ts";
import {
  chatLogprobs,
  chatLogprobsJson,
  completionLogprobs,
  completionLogprobsJson,
} from "../../lib/sim/logprobs.ts";
import { encodeText } from "../../lib/sim/tokenizer.ts";
import { assertEquals, assertThrows } from "../support/assert.ts";

const [THE = 0, RIVER = 0] = encodeText(" the river");
const the = (logprob: number) => ({ id: THE, text: " the", logprob });
const river = (logprob: number) => ({ id: RIVER, text: " river", logprob });
const TOKENS = [
  { ...the(-0.5), top: [the(-0.5), river(-2)] },
  { ...river(-1), top: [river(-1), the(-3)] },
];

Deno.test("completionLogprobsJson() has the completions shape with running offsets", () => {
  const { json, end } = completionLogprobsJson(TOKENS, 7, false);
  assertEquals(end, 7 + " the river".length);
  assertEquals(JSON.parse(json), {
    text_offset: [7, 11],
    token_logprobs: [-0.5, -1],
    tokens: [" the", " river"],
    top_logprobs: [{ " the": -0.5, " river": -2 }, { " river": -1, " the": -3 }],
  });
});

Deno.test("completionLogprobsJson() spells ids when asked", () => {
  const { json, end } = completionLogprobsJson(TOKENS, 0, true);
  assertEquals(end, `token_id:${THE}token_id:${RIVER}`.length);
  assertEquals(JSON.parse(json).tokens, [`token_id:${THE}`, `token_id:${RIVER}`]);
});

Deno.test("completionLogprobsJson() knows nothing of a first token of the prompt", () => {
  const { json } = completionLogprobsJson(
    [{ id: THE, text: " the" }, ...TOKENS.slice(1)],
    0,
    false,
  );
  assertEquals(JSON.parse(json), {
    text_offset: [0, 4],
    token_logprobs: [null, -1],
    tokens: [" the", " river"],
    top_logprobs: [null, { " river": -1, " the": -3 }],
  });
});

Deno.test("chatLogprobsJson() has the chat shape with as many alternatives as asked", () => {
  const bytes = [...new TextEncoder().encode(" the")];
  const { content } = JSON.parse(chatLogprobsJson(TOKENS, 1, false));
  assertEquals(content[0], {
    token: " the",
    logprob: -0.5,
    bytes,
    top_logprobs: [{ token: " the", logprob: -0.5, bytes }],
  });
  assertEquals(JSON.parse(chatLogprobsJson(TOKENS, 0, false)).content[1].top_logprobs, []);
});

Deno.test("completionLogprobs() and chatLogprobs() read their fields", () => {
  assertEquals(completionLogprobs({}), undefined);
  assertEquals(completionLogprobs({ logprobs: 0 }), 0);
  assertEquals(chatLogprobs({}), undefined);
  assertEquals(chatLogprobs({ logprobs: true }), 0);
  assertEquals(chatLogprobs({ logprobs: true, top_logprobs: 4 }), 4);
  assertEquals(chatLogprobs({ logprobs: false, top_logprobs: 0 }), undefined);
});

const REFUSED: readonly (readonly [name: string, run: () => unknown])[] = [
  ["completions -1", () => completionLogprobs({ logprobs: -1 })],
  ["completions 21", () => completionLogprobs({ logprobs: 21 })],
  ["completions -2", () => completionLogprobs({ logprobs: -2 })],
  ["completions text", () => completionLogprobs({ logprobs: "many" })],
  ["chat 5", () => chatLogprobs({ logprobs: 5 })],
  ["chat top without logprobs", () => chatLogprobs({ top_logprobs: 3 })],
  ["chat top 21", () => chatLogprobs({ logprobs: true, top_logprobs: 21 })],
];

for (const [name, run] of REFUSED) {
  Deno.test(`logprobs are refused: ${name}`, () => {
    assertEquals(assertThrows(run, ApiError).status, 400);
  });
}
