import { ApiError } from "../../lib/sim/api_error.ts";
import { chatPromptIds } from "../../lib/sim/chat_prompt.ts";
import { decodeIds } from "../../lib/sim/tokenizer.ts";
import { assertEquals, assertNotEquals, assertThrows } from "../support/assert.ts";

const USER = { role: "user", content: "Hi" };

function rendered(body: Record<string, unknown>): string {
  return decodeIds(chatPromptIds(body));
}

Deno.test("chatPromptIds() renders roles and the generation prompt", () => {
  assertEquals(
    rendered({ messages: [{ role: "system", content: "Be brief" }, USER] }),
    "<s><|im_start|>system\nBe brief<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n" +
      "<|im_start|>assistant\n",
  );
});

Deno.test("chatPromptIds() leaves the last message open with continue_final_message", () => {
  const body = {
    messages: [USER, { role: "assistant", content: "Well" }],
    add_generation_prompt: false,
    continue_final_message: true,
  };
  assertEquals(
    rendered(body),
    "<s><|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nWell",
  );
});

Deno.test("chatPromptIds() depends on tools, options, and special tokens asked for", () => {
  const base = rendered({ messages: [USER] });
  const tools = [{ type: "function", function: { name: "f" } }];
  assertNotEquals(rendered({ messages: [USER], tools }), base);
  assertEquals(rendered({ messages: [USER], tools, tool_choice: "none" }), base);
  assertNotEquals(rendered({ messages: [USER], chat_template_kwargs: { think: false } }), base);
  assertEquals(rendered({ messages: [USER], add_special_tokens: true }), `<s>${base}`);
});

Deno.test("chatPromptIds() joins text parts and keeps a place for images", () => {
  const content = [{ type: "text", text: "See " }, { type: "image_url", image_url: { url: "x" } }];
  assertEquals(
    rendered({ messages: [{ role: "user", content }], add_generation_prompt: false }),
    "<s><|im_start|>user\nSee <|image|><|im_end|>\n",
  );
});

Deno.test("chatPromptIds() renders tool calls and their results", () => {
  const call = { id: "1", type: "function", function: { name: "f", arguments: "{}" } };
  const text = rendered({
    messages: [
      USER,
      { role: "assistant", content: null, tool_calls: [call] },
      { role: "tool", tool_call_id: "1", content: "42" },
    ],
    add_generation_prompt: false,
  });
  assertEquals(
    text.split("<|im_end|>\n").slice(1, 3),
    [
      '<|im_start|>assistant\n<tool_call>\n{"name":"f","arguments":"{}"}\n</tool_call>',
      "<|im_start|>tool\n42",
    ],
  );
});

const REFUSED: readonly (readonly [body: Record<string, unknown>, text: string])[] = [
  [{}, "'loc': 'body.messages', 'msg': 'Field required'"],
  [{ messages: [] }, "Cannot apply chat template to an empty conversation."],
  [{ messages: ["Hi"] }, "Input should be a valid dictionary"],
  [{ messages: [{ role: "king", content: "x" }] }, 'unexpected role "king"'],
  [{ messages: [{ role: "user", content: 5 }] }, "expected a string or a list"],
  [{ messages: [{ role: "user", content: [{ type: "odd" }] }] }, "Unknown part"],
  [{ messages: [USER], continue_final_message: true }, "Cannot set both"],
  [{ messages: [USER], tools: [{ type: "function" }] }, "'loc': 'body.tools.0.function'"],
  [{ messages: [USER], tools: {} }, "'loc': 'body.tools', 'msg': 'Input should be a valid list'"],
];

for (const [body, text] of REFUSED) {
  Deno.test(`chatPromptIds() refuses ${JSON.stringify(body)}`, () => {
    assertEquals(assertThrows(() => chatPromptIds(body), ApiError, text).status, 400);
  });
}
