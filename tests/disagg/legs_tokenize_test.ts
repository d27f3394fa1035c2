import { byteLength } from "../../lib/base/mod.ts";
import { tokenizeBody } from "../../lib/disagg/mod.ts";
import type { AnswerForm } from "../../lib/openai/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { type Asked, generation, jsonOf } from "./support.ts";

const FORMS = ["completions", "chat"] as const satisfies readonly AnswerForm[];
const MESSAGES = [{ role: "user", content: "hi" }];
const TOOLS = [{ type: "function", function: { name: "f" } }];

/** What a client must not be able to set. */
const UNSAFE = { kv_transfer_params: { remote_host: "evil" }, disagg_spec: { req_id: "x" } };

const TOKENIZE: readonly (readonly [
  name: string,
  form: AnswerForm,
  asked: Asked,
  body: object,
])[] = [
  ["a text", "completions", {}, { model: "m", prompt: "hi" }],
  ["a text in a list", "completions", { prompt: ["hi"] }, { model: "m", prompt: "hi" }],
  [
    "a text and how to tokenize it, but nothing else",
    "completions",
    { add_special_tokens: false, temperature: 1, tools: TOOLS, ...UNSAFE },
    { model: "m", prompt: "hi", add_special_tokens: false },
  ],
  ["messages", "chat", {}, { model: "m", messages: MESSAGES }],
  [
    "all that changes how messages are rendered, but nothing else",
    "chat",
    {
      tools: TOOLS,
      chat_template: "t",
      chat_template_kwargs: { a: 1 },
      add_generation_prompt: true,
      continue_final_message: false,
      add_special_tokens: true,
      media_io_kwargs: { b: 1 },
      mm_processor_kwargs: { c: 1 },
      tool_choice: "none",
      prompt: "no",
      stream: true,
      max_tokens: 4,
      ...UNSAFE,
    },
    {
      model: "m",
      messages: MESSAGES,
      tools: TOOLS,
      chat_template: "t",
      chat_template_kwargs: { a: 1 },
      add_generation_prompt: true,
      continue_final_message: false,
      add_special_tokens: true,
      media_io_kwargs: { b: 1 },
      mm_processor_kwargs: { c: 1 },
    },
  ],
  [
    "a message to continue, without the generation prompt that would contradict it",
    "chat",
    { continue_final_message: true },
    {
      model: "m",
      messages: MESSAGES,
      continue_final_message: true,
      add_generation_prompt: false,
    },
  ],
  [
    "a message to continue whose generation prompt is null",
    "chat",
    { continue_final_message: true, add_generation_prompt: null },
    {
      model: "m",
      messages: MESSAGES,
      continue_final_message: true,
      add_generation_prompt: false,
    },
  ],
  [
    "a contradiction of the client's own, for the engine to refuse",
    "chat",
    { continue_final_message: true, add_generation_prompt: true },
    { model: "m", messages: MESSAGES, continue_final_message: true, add_generation_prompt: true },
  ],
];

for (const [name, form, asked, body] of TOKENIZE) {
  Deno.test(`tokenizeBody() carries ${name}`, () => {
    assertEquals(jsonOf(tokenizeBody(generation(form, asked))), body);
  });
}

Deno.test("tokenizeBody() copies no large prompt", () => {
  for (const form of FORMS) {
    const large = "x".repeat(1024 * 1024);
    const request = generation(form, {
      prompt: large,
      messages: [{ role: "user", content: large }],
    });
    const own = tokenizeBody(request).filter((part) => part.buffer !== request.body.bytes.buffer);
    assert(byteLength(own) < 200, `${byteLength(own)} bytes are copies`);
  }
});
