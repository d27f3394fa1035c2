import { decodeUtf8, encodeUtf8 } from "../../lib/base/mod.ts";
import { JsonScanError, splitPromptIds, splittingPromptIds } from "../../lib/openai/mod.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";
import { stepped } from "../support/counting_breather.ts";

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
  ["somewhere else first", '{"a":{"prompt_token_ids":[9]},"prompt_token_ids":[1]}', "[1]"],
  ["somewhere else only", '{"a":{"prompt_token_ids":[9]},"choices":[{"b":[1]}]}', undefined],
  ["a key that ends so", '{"x\\"prompt_token_ids":[1],"choices":[]}', undefined],
  ["a value that is the key", '{"a":"prompt_token_ids","prompt_token_ids" : [2]}', "[2]"],
  ["white space", '{ "prompt_token_ids"\n:\t[ 1 ,2\n] , "b":[] }', "[ 1 ,2\n]"],
];

for (const [name, text, ids] of ROWS) {
  Deno.test(`splitPromptIds() parts an answer from its prompt's ids: ${name}`, () => {
    const { promptIds, rest } = splitPromptIds(encodeUtf8(text));
    assertEquals(promptIds === undefined ? undefined : decodeUtf8(promptIds), ids);
    const left = decodeUtf8(rest.bytes);
    assertEquals(left, ids === undefined ? text : text.replace(ids, "null"));
    assert(typeof JSON.parse(left) === "object");
  });
}

Deno.test("splitPromptIds() keeps a long list as the bytes it came in", () => {
  const list = Array.from({ length: 20_000 }, (_, id) => id).join(",");
  const bytes = encodeUtf8(`{"choices":[{"text":"a","prompt_token_ids":[${list}]}]}`);
  const { promptIds, rest } = splitPromptIds(bytes);
  assert(promptIds?.buffer === bytes.buffer);
  assertEquals(decodeUtf8(promptIds), `[${list}]`);
  assertEquals(
    decodeUtf8(rest.bytes),
    '{"choices":[{"text":"a","prompt_token_ids":null}]}',
  );
});

Deno.test("splitPromptIds() fails on what is not one object, cut anywhere", () => {
  const whole = encodeUtf8('{"choices":[{"text":"a"}],"prompt_token_ids":[1,2],"b":[3]}');
  for (let length = 0; length < whole.length; length++) {
    assertThrows(() => splitPromptIds(whole.subarray(0, length)), SyntaxError);
  }
});

Deno.test("splittingPromptIds() looks for the ids in steps, and gives up on what is too large beside them", () => {
  const text = '{"pad":"' + "x".repeat(1024 * 1024) + '","prompt_token_ids":[1,2]}';
  const { value, steps } = stepped(splittingPromptIds(encodeUtf8(text)));
  assertEquals(decodeUtf8(value.promptIds ?? new Uint8Array(0)), "[1,2]");
  assert(steps > 64, `${steps} steps`);
  const large = encodeUtf8('{"pad":"' + "x".repeat(5 * 1024 * 1024) + '"}');
  assertThrows(() => splitPromptIds(large), JsonScanError, "bytes beside the prompt's ids");
});

Deno.test("splittingPromptIds() tries a few lists, and not as many as an engine likes to send", () => {
  const decoys = (count: number): Uint8Array =>
    encodeUtf8(`{"a":[${'{"prompt_token_ids":[0]},'.repeat(count)}1],"prompt_token_ids":[7]}`);
  assertEquals(decodeUtf8(splitPromptIds(decoys(7)).promptIds ?? new Uint8Array(0)), "[7]");
  assertEquals(splitPromptIds(decoys(8)).promptIds, undefined);
});
