import { encodeUtf8, seededRandom } from "../../lib/base/mod.ts";
import { countIds, countUncheckedIds, isIdList } from "../../lib/tokenization/mod.ts";
import { assertEquals } from "../support/assert.ts";

for (const list of ["[]", "[ ]", "[7]", "[0]", "[0,151643]", "[ 1 ,\t2\r\n, 30 ]", "[10,0,10]"]) {
  Deno.test(`countUncheckedIds() counts ${JSON.stringify(list)} as countIds() does`, () => {
    const raw = encodeUtf8(list);
    assertEquals(countUncheckedIds(raw), JSON.parse(list).length);
    assertEquals(countUncheckedIds(raw), countIds(raw));
  });
}

const OTHERS = [
  "",
  "[",
  "]",
  "1",
  "[1",
  "1]",
  "[1,]",
  "[,1]",
  "[1,,2]",
  "[1 2]",
  "[01]",
  "[-1]",
  "[1.5]",
  "[1e3]",
  '["1"]',
  "[null]",
  "[[1]]",
  "[1]]",
  "[1] ",
  "{}",
];

for (const other of OTHERS) {
  Deno.test(`countUncheckedIds() has no count of ${JSON.stringify(other)}`, () => {
    assertEquals(countUncheckedIds(encodeUtf8(other)), undefined);
  });
}

Deno.test("countUncheckedIds() agrees with JSON.parse on lists spoiled anywhere", () => {
  const random = seededRandom(5);
  const bytes = '0123456789, []-.e"';
  for (let round = 0; round < 2_000; round++) {
    const ids = Array.from({ length: 4 }, () => Math.floor(random.next() * 1_000));
    const text = JSON.stringify(ids);
    const at = Math.floor(random.next() * text.length);
    const put = bytes[Math.floor(random.next() * bytes.length)] ?? "";
    const spoiled = text.slice(0, at) + put + text.slice(at + 1);
    assertEquals(countUncheckedIds(encodeUtf8(spoiled)), idsIn(spoiled), spoiled);
  }
});

/** The number of ids in `text` by a full parse. */
function idsIn(text: string): number | undefined {
  try {
    return isIdList(encodeUtf8(text)) ? JSON.parse(text).length : undefined;
  } catch {
    return undefined; // Not JSON, which is what is asked.
  }
}
