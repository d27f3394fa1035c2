import { TokenSpelling } from "../../lib/sim/token_spelling.ts";
import { encodeText } from "../../lib/sim/tokenizer.ts";
import { assertEquals } from "../support/assert.ts";

function spelled(ids: readonly number[]): readonly string[] {
  const spelling = new TokenSpelling();
  return ids.map((id) => spelling.push(id));
}

Deno.test("TokenSpelling spells a character at the token that completes it", () => {
  assertEquals(spelled(encodeText("aé世😀b")), ["a", "", "é", "", "", "世", "", "", "", "😀", "b"]);
});

Deno.test("TokenSpelling spells words and specials as they are", () => {
  assertEquals(spelled(encodeText(" the river</s>")), [" the", " river", "</s>"]);
});

Deno.test("TokenSpelling forgets bytes that no character begins with, or that nothing follows", () => {
  const [first = 0, second = 0] = encodeText("é");
  assertEquals(spelled([second, first, ...encodeText("a"), second]), ["", "", "a", ""]);
});

Deno.test("TokenSpelling.textOf() does not move on", () => {
  const spelling = new TokenSpelling();
  const [first = 0, second = 0] = encodeText("é");
  spelling.push(first);
  assertEquals([spelling.textOf(second), spelling.textOf(second)], ["é", "é"]);
});
