import { concatBytes, decodeUtf8, encodeUtf8 } from "../../lib/base/mod.ts";
import {
  filledTemplate,
  leftOut,
  promptIdsMember,
  rawDetails,
  textTemplate,
  withMembers,
} from "../../lib/openai/choice_json.ts";
import { assertEquals } from "../support/assert.ts";

const ENVELOPE = { id: "a" };
const CHOICE = { index: 0 };

const TEMPLATES = [
  ["completions", "stream", '{"id":"a","choices":[{"text":"é","index":0}]}'],
  ["completions", "whole", '{"id":"a","choices":[{"text":"é","index":0}]}'],
  ["chat", "stream", '{"id":"a","choices":[{"delta":{"content":"é"},"index":0}]}'],
  [
    "chat",
    "whole",
    '{"id":"a","choices":[{"message":{"role":"assistant","content":"é"},"index":0}]}',
  ],
] as const;

for (const [form, kind, text] of TEMPLATES) {
  Deno.test(`textTemplate() is what stands around the text of a ${kind} ${form} choice`, () => {
    const { before, after } = textTemplate(form, kind, ENVELOPE, CHOICE);
    assertEquals(decodeUtf8(concatBytes([before, encodeUtf8("é"), after])), text);
  });
}

Deno.test("textTemplate() has no comma behind the text of a choice without other members", () => {
  const { after } = textTemplate("chat", "stream", ENVELOPE, {});
  assertEquals(decodeUtf8(after), '"}}]}');
});

Deno.test("textTemplate() is not misled by members that look like a text", () => {
  const { before } = textTemplate("completions", "whole", { id: '"text":"' }, CHOICE);
  assertEquals(decodeUtf8(before), '{"id":"\\"text\\":\\"","choices":[{"text":"');
});

Deno.test("filledTemplate() puts members at the ends of the choice and of the envelope", () => {
  const template = textTemplate("completions", "whole", ENVELOPE, CHOICE);
  const filled = filledTemplate(template, encodeUtf8("hi"), {
    choice: [encodeUtf8(',"x":1')],
    envelope: promptIdsMember(encodeUtf8("[7]")),
  });
  assertEquals(
    decodeUtf8(concatBytes(filled)),
    '{"id":"a","choices":[{"text":"hi","index":0,"x":1}],"prompt_token_ids":[7]}',
  );
});

Deno.test("withMembers() is an object with more at its end", () => {
  const ids = promptIdsMember(encodeUtf8("[1,2]"));
  assertEquals(
    decodeUtf8(concatBytes(withMembers(encodeUtf8('{"a":1}'), ids))),
    '{"a":1,"prompt_token_ids":[1,2]}',
  );
  const none = promptIdsMember(undefined);
  assertEquals(decodeUtf8(concatBytes(withMembers(encodeUtf8('{"a":1}'), none))), '{"a":1}');
});

Deno.test("rawDetails() names what it tells, and tells nothing that is not there", () => {
  const told = rawDetails({ form: "completions" }, { tokenIds: [4, 5] });
  assertEquals([told.keys, decodeUtf8(told.json)], [["token_ids"], ',"token_ids":[4,5]']);
  const none = rawDetails({ form: "chat" }, {});
  assertEquals([none.keys, none.json.length], [[], 0]);
});

Deno.test("leftOut() hides members from JSON", () => {
  assertEquals(JSON.stringify({ a: 1, b: 2, ...leftOut(["a", "c"]) }), '{"b":2}');
});
