import { concatBytes, decodeUtf8, encodeUtf8, seededRandom } from "../../lib/base/mod.ts";
import { originalBody } from "../../lib/disagg/mod.ts";
import {
  canaryLength,
  canaryRequest,
  canaryText,
  idsIn,
  textIn,
} from "../../lib/flow/canary_ask.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";

Deno.test("canaryLength() is more than a chunk, with room for an answer, or undefined", () => {
  const cases = [
    [undefined, 600],
    [131_072, 600],
    [500, 484],
    [274, 258],
    [273, undefined],
  ] as const;
  for (const [most, length] of cases) assertEquals(canaryLength(most), length, String(most));
});

Deno.test("canaryText() is another one each time, of as many words at least", () => {
  const random = seededRandom(3);
  const texts = [canaryText(random, 300), canaryText(random, 300)];
  assert(texts[0] !== texts[1]);
  for (const text of texts) assertEquals(text.split(" ").length, 300);
});

Deno.test("idsIn() takes as many ids as are asked for, and nothing that is none", () => {
  const answer = (tokens: unknown): Uint8Array => encodeUtf8(JSON.stringify({ tokens }));
  assertEquals(idsIn(answer([5, 6, 7]), 2), [5, 6]);
  for (const tokens of [[5], [5, -1], [5, "6"], "56", undefined]) {
    assertEquals(idsIn(answer(tokens), 2), undefined);
  }
});

Deno.test("canaryRequest() is of temperature 0, and apart in an engine's cache by its salt", () => {
  const bodyOf = (salt?: string): unknown =>
    JSON.parse(decodeUtf8(concatBytes(originalBody(canaryRequest("m", [1, 2], salt)))));
  const plain = { model: "m", prompt: [1, 2], max_tokens: 8, temperature: 0, ignore_eos: true };
  assertEquals(bodyOf(), plain);
  assertEquals(bodyOf("s"), { ...plain, cache_salt: "s" });
});

Deno.test("textIn() is the text of a completion, and throws without one", () => {
  assertEquals(textIn(encodeUtf8('{"choices":[{"text":"a b"}]}')), "a b");
  for (const text of ["{}", '{"choices":[]}', '{"choices":[{"text":null}]}']) {
    assertThrows(() => textIn(encodeUtf8(text)), Error, "has no text");
  }
});
