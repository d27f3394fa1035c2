import { encodeUtf8, seededRandom, unlessMalformed } from "../../lib/base/mod.ts";
import { plainValue } from "../../lib/openai/plain_value.ts";
import { assert, assertEquals } from "../support/assert.ts";

const PLAIN = ["true", "false", "0", "7", "64", "999999999999999", '""', '"bench"', '"a b:{}[],"'];
const OTHERS = [
  ...[
    "null",
    "{}",
    "[]",
    "-1",
    "1.5",
    "1e3",
    "1000000000000000",
    "01",
    "1a",
    "tru",
    "truee",
    "falsy",
  ],
  ...[
    '"',
    '"a',
    '"a\\n"',
    '"é"',
    '"\u007f"',
    '"a"b"',
    "",
    " ",
    `"${"a".repeat(65)}"`,
    '"\t"',
    "True",
  ],
];

for (const text of PLAIN) {
  Deno.test(`plainValue() reads ${text} as the parser does`, () => {
    assertEquals(plainValue(encodeUtf8(text)), JSON.parse(text));
  });
}

for (const text of OTHERS) {
  Deno.test(`plainValue() leaves ${JSON.stringify(text)} to the parser`, () => {
    assertEquals(plainValue(encodeUtf8(text)), undefined);
  });
}

Deno.test("plainValue() never differs from the parser, whatever bytes there are", () => {
  const random = seededRandom(11);
  const letters = [
    "0",
    "1",
    "9",
    '"',
    "a",
    "t",
    "r",
    "u",
    "e",
    "f",
    "l",
    "s",
    "\\",
    "é",
    "-",
    ".",
    " ",
  ];
  let read = 0;
  for (let round = 0; round < 20_000; round++) {
    const length = Math.floor(random.next() * 7);
    const inside = Array.from(
      { length },
      () => letters[Math.floor(random.next() * letters.length)],
    );
    const text = random.next() < 0.5 ? `"${inside.join("")}"` : inside.join("");
    const value = plainValue(encodeUtf8(text));
    if (value === undefined) continue;
    read++;
    assertEquals(unlessMalformed(() => JSON.parse(text) as unknown), value, text);
  }
  assert(read > 500, `${read} values were plain`);
});
