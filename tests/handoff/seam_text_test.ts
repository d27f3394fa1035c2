import { encodeUtf8 } from "../../lib/base/mod.ts";
import { SaidText, TokenList } from "../../lib/handoff/given.ts";
import { heldText, seamText } from "../../lib/handoff/seam_text.ts";
import { decodeIds, encodeText } from "../../lib/sim/tokenizer.ts";
import { assertEquals } from "../support/assert.ts";

const PROMPT = encodeUtf8(JSON.stringify(encodeText("Tell me, é, of it.")));
const textOf = (ids: readonly number[]): Promise<string> => Promise.resolve(decodeIds(ids, false));

function listOf(ids: readonly number[]): TokenList {
  const list = new TokenList(1_000);
  list.add(ids);
  return list;
}

Deno.test("seamText() parts the ids of a character that is not complete from those before, at every cut", async () => {
  const ids = encodeText("one é世 🙂🙂 ñ two");
  for (let count = 0; count <= ids.length; count++) {
    const at = await seamText(listOf(ids.slice(0, count)), PROMPT, textOf);
    const text = decodeIds(ids.slice(0, count), false);
    const known = ids.slice(0, count - (at?.tail.length ?? 0));
    assertEquals(at && decodeIds(known, false).includes("\ufffd"), false, text);
    assertEquals(at?.tail.length !== 0, text.endsWith("\ufffd"), text);
    assertEquals(at?.base, at && decodeIds(at.context, false));
    assertEquals(at?.context, [...encodeText("Tell me, é, of it."), ...known].slice(-6));
  }
});

Deno.test("seamText() is not known where texts cannot be had, or never end with a character", async () => {
  const ids = listOf(encodeText("a é"));
  assertEquals(await seamText(ids, PROMPT, () => Promise.resolve(undefined)), undefined);
  assertEquals(await seamText(ids, PROMPT, () => Promise.resolve("\ufffd")), undefined);
});

Deno.test("heldText() is what an engine has held back, at every cut", async () => {
  const ids = encodeText("one é世 STOPP and");
  for (let count = 0; count <= ids.length; count++) {
    const list = listOf(ids.slice(0, count));
    const at = await seamText(list, PROMPT, textOf);
    if (at === undefined) throw new Error("no seam");
    const whole = decodeIds(ids.slice(0, count - at.tail.length), false);
    for (let held = 0; held <= Math.min(4, whole.length); held++) {
      const said = new SaidText(8);
      said.add(whole.slice(0, whole.length - held));
      const text = await heldText(said, list, at, PROMPT, textOf);
      assertEquals(text, whole.slice(whole.length - held));
    }
  }
});

Deno.test("heldText() is not known where some of the text was taken out, or texts cannot be had", async () => {
  const list = listOf(encodeText("think of it. So: yes"));
  const at = await seamText(list, PROMPT, textOf);
  if (at === undefined) throw new Error("no seam");
  const said = new SaidText(8);
  said.add(" So: yes");
  assertEquals(await heldText(said, list, at, PROMPT, textOf), undefined);
  const silent = (): Promise<undefined> => Promise.resolve(undefined);
  assertEquals(await heldText(new SaidText(8), list, at, PROMPT, silent), undefined);
});
