import { encodeUtf8, seededRandom } from "../../lib/base/mod.ts";
import { countIds, countUncheckedIds, isIdList } from "../../lib/tokenization/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";

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

/** A list of ids, as its grammar says. */
const LIST =
  /^\[[ \t\r\n]*(?:(?:0|[1-9]\d*)[ \t\r\n]*(?:,[ \t\r\n]*(?:0|[1-9]\d*)[ \t\r\n]*)*)?\]$/;

Deno.test("countUncheckedIds() goes by the grammar, wherever a list begins in memory and is spoiled", () => {
  const random = seededRandom(6);
  const bytes = ["0", "1", "9", ",", " ", "\n", "]", "[", "-", "a", "/", ":", "+", "\u0000", "é"];
  let lists = 0;
  for (let round = 0; round < 20_000; round++) {
    const ids = Array.from(
      { length: Math.floor(random.next() * 12) },
      () => Math.floor(10 ** (random.next() * 6)) - 1,
    );
    let text = random.next() < 0.2 ? `[${ids.join(", ")}]` : JSON.stringify(ids);
    for (let spoils = Math.floor(random.next() * 3); spoils > 0; spoils--) {
      const at = Math.floor(random.next() * (text.length + 1));
      const put = bytes[Math.floor(random.next() * bytes.length)] ?? "";
      text = text.slice(0, at) + put + text.slice(at + Math.floor(random.next() * 2));
    }
    const offset = Math.floor(random.next() * 8);
    const memory = encodeUtf8(`${",".repeat(offset)}${text}`);
    const expected = LIST.test(text) ? JSON.parse(text).length : undefined;
    assertEquals(countUncheckedIds(memory.subarray(offset)), expected, text);
    if (expected !== undefined) lists++;
  }
  assert(lists > 5_000, `${lists} were lists`);
});

Deno.test("countUncheckedIds() counts long lists, whose parts begin anywhere", () => {
  for (const length of [13_107, 13_108, 30_000, 100_003]) {
    const ids = Array.from({ length }, (_, index) => index % 7 === 0 ? 0 : 10_000 + index % 3);
    assertEquals(countUncheckedIds(encodeUtf8(JSON.stringify(ids))), length);
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
