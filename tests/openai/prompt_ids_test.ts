import { decodeUtf8, encodeUtf8 } from "../../lib/base/mod.ts";
import { JsonObject, splitPromptIds } from "../../lib/openai/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";

const ROWS: readonly (readonly [name: string, text: string, ids: string | undefined])[] = [
  ["chat", '{"choices":[{"index":0}],"prompt_token_ids":[1, 2],"usage":{}}', "[1, 2]"],
  ["completions", '{"choices":[{"text":"a","prompt_token_ids":[3],"x":[4]}]}', "[3]"],
  ["an empty list", '{"choices":[{"prompt_token_ids":[]}]}', "[]"],
  ["the last of two", '{"prompt_token_ids":null,"prompt_token_ids":[5]}', "[5]"],
  [
    "a key only written so",
    '{"choices":[{"message":{"content":"\\"prompt_token_ids\\":[1]"}}]}',
    undefined,
  ],
  ["another choice", '{"choices":[{},{"prompt_token_ids":[1]}]}', undefined],
  ["null", '{"choices":[{"prompt_token_ids":null}],"prompt_token_ids":null}', undefined],
  ["no list", '{"prompt_token_ids":"[1]","choices":"[1]"}', undefined],
  ["no choice", '{"choices":[]}', undefined],
  ["a choice that is none", '{"choices":[[1]]}', undefined],
  ["nothing", "{}", undefined],
];

for (const [name, text, ids] of ROWS) {
  Deno.test(`splitPromptIds() parts an answer from its prompt's ids: ${name}`, () => {
    const split = splitPromptIds(new JsonObject(encodeUtf8(text)));
    const found = split.promptIds;
    assertEquals(found === undefined ? undefined : decodeUtf8(found), ids);
    const rest = decodeUtf8(split.rest);
    if (ids === undefined) assertEquals(rest, text);
    else assertEquals(rest, text.replace(ids, "null"));
    assert(typeof JSON.parse(rest) === "object");
  });
}

Deno.test("splitPromptIds() keeps a long list as the bytes it came in", () => {
  const list = Array.from({ length: 20_000 }, (_, id) => id).join(",");
  const bytes = encodeUtf8(`{"choices":[{"text":"a","prompt_token_ids":[${list}]}]}`);
  const { promptIds, rest } = splitPromptIds(new JsonObject(bytes));
  assert(promptIds?.buffer === bytes.buffer);
  assertEquals(decodeUtf8(promptIds), `[${list}]`);
  assertEquals(decodeUtf8(rest), '{"choices":[{"text":"a","prompt_token_ids":null}]}');
});
