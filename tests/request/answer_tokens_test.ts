import fc from "fast-check";
import { encodeUtf8 } from "../../lib/base/mod.ts";
import { tokensToldIn } from "../../lib/request/mod.ts";
import { assertEquals } from "../support/assert.ts";

function told(text: string): unknown {
  return tokensToldIn(encodeUtf8(text));
}

Deno.test("tokensToldIn() reads the usage of OpenAI's answers and of Anthropic's", () => {
  const openai = '{"choices":[{"text":"a"}],"usage":{"prompt_tokens":5,"total_tokens":8,' +
    '"completion_tokens":3,"prompt_tokens_details":{"cached_tokens":4}},"kv_transfer_params":null}';
  assertEquals(told(openai), { prompt: 5, answer: 3 });
  assertEquals(told('{"usage":{"input_tokens":9,"output_tokens":2}}'), { prompt: 9, answer: 2 });
  assertEquals(told('data: {"type":"message_delta","usage":{"output_tokens":7}}\n\n'), {
    answer: 7,
  });
  // Embeddings.
  assertEquals(told('{"usage" : {"prompt_tokens":6,"total_tokens":6}}'), { prompt: 6, answer: 0 });
});

Deno.test("tokensToldIn() takes the last usage there is, and none within a text", () => {
  const first = '{"usage":{"prompt_tokens":1,"completion_tokens":1}}';
  const last = '{"usage":{"prompt_tokens":1,"completion_tokens":2}}';
  assertEquals(told(`data: ${first}\n\ndata: ${last}\n\ndata: {"usage":null}\n\n`), {
    prompt: 1,
    answer: 2,
  });
  const text = JSON.stringify({ text: first });
  assertEquals(told(text), undefined);
  assertEquals(told(`${last}${text}`), { prompt: 1, answer: 2 });
});

Deno.test("tokensToldIn() says nothing of what is cut, odd or too far from the end", () => {
  for (
    const text of [
      "",
      '{"usage":{"prompt_tokens":5',
      '{"usage":{"prompt_tokens":"5"}}',
      '{"usage":{"prompt_tokens":-1,"completion_tokens":1.5}}',
      '{"usage":[5]}',
      `{"usage":{"prompt_tokens":5},"x":"${"y".repeat(5_000)}"}`,
    ]
  ) {
    assertEquals(told(text), undefined, text.slice(0, 60));
  }
});

Deno.test("tokensToldIn() takes any bytes, and never throws", () => {
  const token = fc.constantFrom('"usage"', ":", "{", "}", '"prompt_tokens":', "1", ",", "\\", "\n");
  fc.assert(fc.property(
    fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.array(token, { maxLength: 40 }).map((tokens) => encodeUtf8(tokens.join(""))),
    ),
    (bytes) => {
      const { prompt = 0, answer = 0 } = tokensToldIn(bytes) ?? {};
      assertEquals([prompt, answer].every((count) => Number.isSafeInteger(count)), true);
    },
  ));
});
