import {
  decodeIds,
  decodeToBytes,
  encodeBytes,
  encodeText,
  tokenText,
} from "../../lib/sim/tokenizer.ts";
import {
  BOS,
  BYTE_BASE,
  DIRECTIVE,
  EOS,
  IM_START,
  spelledTokens,
  VOCAB_SIZE,
} from "../../lib/sim/vocabulary.ts";
import { seededRandom } from "../../lib/base/mod.ts";
import { assert, assertEquals, assertNotEquals } from "../support/assert.ts";

const TEXTS = [
  "",
  "Hello",
  "the river walks slowly",
  " the  the",
  "café 世界 😀 → ñ",
  "\ufefftext with a byte order mark",
  "\u0000\u007f\u0080\u07ff\u0800\uffff\u{10000}\u{10ffff}",
  "line\nline\r\n\ttab",
  "<|im_start|>user\nhi<|im_end|>",
  "<|im_star",
  "[[sim:say x]]",
];

for (const text of TEXTS) {
  Deno.test(`encodeText() and decodeIds() are inverse for ${JSON.stringify(text)}`, () => {
    assertEquals(decodeIds(encodeText(text)), text);
  });
}

Deno.test("encodeText() is inverted by decodeIds() for random text", () => {
  const random = seededRandom(7);
  const pieces = ["the", " ", "é", "世", "😀", "\n", "<", "|", "[[", "]]", " river", "sim:", "s"];
  for (let round = 0; round < 300; round++) {
    let text = "";
    for (let count = 0; count < 20; count++) {
      text += pieces[Math.floor(random.next() * pieces.length)];
    }
    assertEquals(decodeIds(encodeText(text)), text);
  }
});

Deno.test("encodeText() takes the longest token that fits", () => {
  assertEquals(encodeText(" the").length, 1);
  assertEquals(encodeText(" theq").length, 2);
  assertEquals(encodeText("[[sim:"), [DIRECTIVE]);
  assertEquals(encodeText("<|im_start|>"), [IM_START]);
});

Deno.test("encodeText() puts bos first only when asked", () => {
  assertEquals(encodeText("x", { bos: true }), [BOS, BYTE_BASE + 0x78]);
  assertEquals(encodeText("x"), [BYTE_BASE + 0x78]);
});

Deno.test("encodeBytes() and decodeToBytes() are inverse for any bytes", () => {
  const random = seededRandom(11);
  const bytes = Uint8Array.from({ length: 4096 }, () => Math.floor(random.next() * 256));
  const ids: number[] = [];
  encodeBytes(bytes, ids);
  assertEquals(decodeToBytes(ids), bytes);
});

Deno.test("decodeIds() gives U+FFFD for a character cut short", () => {
  const ids = encodeText("世");
  assertEquals(ids.length, 3);
  assertEquals(decodeIds(ids.slice(0, 2)), "\ufffd");
  assertEquals(tokenText(ids[0] ?? 0), "\ufffd");
});

Deno.test("decodeIds() leaves out special tokens only when asked", () => {
  const ids = [BOS, ...encodeText("a"), EOS];
  assertEquals(decodeIds(ids), "<s>a</s>");
  assertEquals(decodeIds(ids, true), "a");
});

Deno.test("spelledTokens() has every id and every text once", () => {
  const spelled = spelledTokens();
  assertEquals(new Set(spelled.map(([, id]) => id)).size, spelled.length);
  const texts = spelled.map(([text]) => text);
  assertEquals(new Set(texts).size, texts.length);
  assert(spelled.every(([, id]) => id < VOCAB_SIZE));
  assertNotEquals(spelled.length, 0);
});
