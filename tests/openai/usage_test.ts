import { asUsage, joinUsage, stoppedUsage, type Usage } from "../../lib/openai/mod.ts";
import { assertEquals } from "../support/assert.ts";

const USAGES: readonly (readonly [name: string, value: unknown, usage: Usage | undefined])[] = [
  [
    "counts, and unknown fields with them",
    { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5, prompt_tokens_details: null, x: 1 },
    { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5, prompt_tokens_details: null, x: 1 },
  ],
  [
    "completion tokens that are left out",
    { prompt_tokens: 3, total_tokens: 5 },
    { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 },
  ],
  [
    "completion tokens that are null",
    { prompt_tokens: 3, completion_tokens: null, total_tokens: 5 },
    { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 },
  ],
  ["no prompt tokens", { completion_tokens: 2, total_tokens: 5 }, undefined],
  ["no total", { prompt_tokens: 3, completion_tokens: 2 }, undefined],
  ["texts", { prompt_tokens: "3", total_tokens: "5" }, undefined],
  ["null", null, undefined],
  ["nothing", undefined, undefined],
  ["a list", [], undefined],
];

for (const [name, value, usage] of USAGES) {
  Deno.test(`asUsage() reads ${name}`, () => assertEquals(asUsage(value), usage));
}

const decode: Usage = {
  prompt_tokens: 11,
  completion_tokens: 4,
  total_tokens: 15,
  prompt_tokens_details: { cached_tokens: 10 },
};
const prefill: Usage = { prompt_tokens: 10, completion_tokens: 1, total_tokens: 11 };
const joined: Usage = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 };

const JOINS: readonly (readonly [
  name: string,
  prefill: Usage | undefined,
  decode: Usage,
  joined: Usage,
])[] = [
  ["moves the first token from prompt to completion", prefill, decode, joined],
  [
    "takes what was cached from the prefill engine",
    { ...prefill, prompt_tokens_details: { cached_tokens: 6 } },
    decode,
    { ...joined, prompt_tokens_details: { cached_tokens: 6 } },
  ],
  [
    "keeps it null when the prefill engine says null",
    { ...prefill, prompt_tokens_details: null },
    decode,
    { ...joined, prompt_tokens_details: null },
  ],
  ["says nothing of it when the prefill engine told no usage", undefined, decode, joined],
  [
    "keeps the decode engine's other fields",
    { ...prefill, other: 1 },
    { ...decode, completion_tokens_details: { reasoning_tokens: 2 } },
    { ...joined, completion_tokens_details: { reasoning_tokens: 2 } },
  ],
  [
    "works where only the prefill engine tells details",
    { ...prefill, prompt_tokens_details: { cached_tokens: 0 } },
    { prompt_tokens: 11, completion_tokens: 0, total_tokens: 11 },
    {
      prompt_tokens: 10,
      completion_tokens: 1,
      total_tokens: 11,
      prompt_tokens_details: { cached_tokens: 0 },
    },
  ],
];

for (const [name, first, second, expected] of JOINS) {
  Deno.test(`joinUsage() ${name}`, () => {
    const before = JSON.stringify([first, second]);
    assertEquals(joinUsage(first, second), expected);
    assertEquals(JSON.stringify([first, second]), before);
  });
}

Deno.test("stoppedUsage() counts anew and keeps what the prefill engine told of the prompt", () => {
  const details = { prompt_tokens_details: { cached_tokens: 4 } };
  const told = { prompt_tokens: 10, completion_tokens: 1, total_tokens: 11, ...details };
  assertEquals(stoppedUsage(told, 5), {
    prompt_tokens: 10,
    completion_tokens: 5,
    total_tokens: 15,
    ...details,
  });
  assertEquals(stoppedUsage(undefined, 5), undefined);
});

Deno.test("joinUsage() counts all tokens that the decode engine took for prompt", () => {
  const usage = joinUsage(prefill, { ...decode, prompt_tokens: 17, total_tokens: 21 }, 7);
  assertEquals(usage, { prompt_tokens: 10, completion_tokens: 11, total_tokens: 21 });
});
