import { encodeUtf8, RouterError, STEP_BYTES } from "../../lib/base/mod.ts";
import { type GenerationForm, readingGeneration } from "../../lib/disagg/mod.ts";
import { parsingRequest } from "../../lib/openai/mod.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";
import { stepped } from "../support/counting_breather.ts";

function read(
  form: GenerationForm,
  text: string,
): { readonly steps: number; readonly kind: string } {
  const parsed = stepped(parsingRequest(encodeUtf8(text)));
  const { value, steps } = stepped(readingGeneration(form, parsed.value));
  return { steps: parsed.steps + steps, kind: value.prompt.kind };
}

/** Lists of `count` of something, at the limit of each. */
const LIMITS: readonly (readonly [
  what: string,
  form: GenerationForm,
  most: number,
  body: (count: number) => string,
  param: string | undefined,
])[] = [
  [
    "fields",
    "completions",
    1_024,
    (count) => `{"model":"m"${',"a":1'.repeat(count - 1)}}`,
    undefined,
  ],
  [
    "stop strings",
    "completions",
    1_024,
    (count) => JSON.stringify({ model: "m", prompt: "a", stop: Array(count).fill("s") }),
    "stop",
  ],
  [
    "messages",
    "chat",
    32_768,
    (count) => `{"model":"m","messages":[{}${",{}".repeat(count - 1)}]}`,
    "messages",
  ],
  [
    "token ids",
    "completions",
    16_777_216,
    (count) => `{"model":"m","prompt":[1${",1".repeat(count - 1)}]}`,
    "prompt",
  ],
];

for (const [what, form, most, body, param] of LIMITS) {
  Deno.test(`readingGeneration() takes ${most} ${what} and refuses more, naming both numbers`, () => {
    read(form, body(most));
    const error = assertThrows(() => read(form, body(most + 1)), RouterError, String(most + 1));
    assertEquals([error.code, error.param], ["bad-request", param]);
    assert(error.message.includes(`${what}; at most ${most} are accepted`), error.message);
  });
}

for (const key of ["model", "stream", "max_tokens", "stop", "stream_options", "echo", "logprobs"]) {
  Deno.test(`readingGeneration() parses no ${key} of more than 64 KiB, and says so shortly`, () => {
    const text = `{"model":"m","prompt":"a","${key}":["${"x".repeat(70_000)}"]}`;
    const error = assertThrows(
      () => read("completions", text),
      RouterError,
      `Field '${key}' has 70004`,
    );
    assertEquals([error.code, error.param], ["bad-request", key]);
    assert(error.message.length < 200);
  });
}

const LARGE = 1024 * 1024;

/** 1 MiB each, to be looked through. */
const BODIES:
  readonly (readonly [what: string, form: GenerationForm, text: string, kind: string])[] = [
    ["ids", "completions", `{"model":"m","prompt":[1${",12345".repeat(LARGE / 6)}]}`, "tokens"],
    [
      "prompts",
      "completions",
      `{"model":"m","prompt":["a"${`,"${"x".repeat(997)}"`.repeat(1_000)}]}`,
      "several",
    ],
    [
      "lists of ids",
      "completions",
      `{"model":"m","prompt":[[1]${`,[1${",22".repeat(300)}]`.repeat(1_000)}]}`,
      "several",
    ],
    [
      "messages",
      "chat",
      `{"model":"m","messages":[{}${`,{"content":"${"x".repeat(986)}"}`.repeat(1_000)}]}`,
      "messages",
    ],
    [
      "parts",
      "chat",
      `{"model":"m","messages":[{"content":[{"type":"text"}${
        ',{"type":"text"}'.repeat(LARGE / 16)
      }]}]}`,
      "messages",
    ],
  ];

for (const [what, form, text, kind] of BODIES) {
  Deno.test(`readingGeneration() looks through ${what} in steps`, () => {
    const found = read(form, text);
    assertEquals(found.kind, kind);
    // Each pass over the body takes so many, those over ids a few.
    const least = text.length / STEP_BYTES;
    assert(found.steps > least && found.steps < 5 * least, `${found.steps} steps`);
  });
}
