import {
  atOnce,
  concatBytes,
  decodeUtf8,
  encodeUtf8,
  seededRandom,
  STEP_BYTES,
} from "../../lib/base/mod.ts";
import {
  asideOf,
  JsonScanError,
  type PartedJson,
  putBack,
  setAside,
  SMALL_JSON_BYTES,
} from "../../lib/openai/mod.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";

const KIB = 1024;

function parted(json: string): PartedJson {
  return atOnce(setAside(encodeUtf8(json)));
}

function restored({ rest, aside }: PartedJson): string {
  return decodeUtf8(concatBytes(putBack([rest], aside)));
}

/** A list of numbers of about `bytes` bytes. */
function ids(bytes: number): string {
  return `[${Array.from({ length: bytes / 7 }, (_, at) => 100_000 + at % 900_000).join()}]`;
}

const LONG = "x".repeat(20 * KIB);

const PARTED: readonly (readonly [json: string, keys: readonly string[]])[] = [
  ['{"a":1}', []],
  [`{"a":"${LONG}","b":2}`, ["a"]],
  [` {"a": "${LONG}" , "b" : [1]} `, ["a"]],
  [`{"choices":[{"text":"${LONG}","index":0},{"index":1,"text":"b"}],"id":"x"}`, ["text"]],
  [`{"choices":[{"text":"a","logprobs":{"tokens":["${LONG}"]}}]}`, ["logprobs"]],
  [`{"choices":[],"prompt_token_ids":${ids(20 * KIB)}}`, ["prompt_token_ids"]],
  [
    `{"choices":[{"text":"${LONG}","prompt_token_ids":${ids(20 * KIB)}}],"k":{"a":"${LONG}"}}`,
    ["text", "prompt_token_ids", "k"],
  ],
  // Members of deeper levels stay in what they belong to.
  [`{"a":{"choices":[{"text":"${LONG}"}]}}`, ["a"]],
  [`{"choices":[[{"text":"${LONG}"}]]}`, []],
  [`{"choices":[{"delta":{"content":"${LONG}"}}]}`, ["delta"]],
  // Quotes, escapes and brackets within strings.
  [`{"a":"${'\\"}],:{[\\\\'.repeat(3 * KIB)}","b":"]"}`, ["a"]],
  [`{"x\\"choices":[{"text":"${LONG}"}]}`, ['x\\"choices']],
  [`{"choices":"${LONG}","b":1}`, ["choices"]],
  [`{"choices":{"text":"${LONG}"}}`, ["choices"]],
];

for (const [json, keys] of PARTED) {
  Deno.test(`setAside() parts ${json.slice(0, 40)} (${keys.join(", ") || "nothing"})`, () => {
    const made = parted(json);
    assertEquals(made.aside.map(({ key }) => key), keys);
    assertEquals(restored(made), json);
    assert(made.rest.length <= json.length);
    // A list of lists is no list of choices: it stays, and so does what is in it.
    if (keys.length > 0) assert(made.rest.length < 4 * KIB);
    JSON.parse(decodeUtf8(made.rest));
  });
}

Deno.test("setAside() parts an object the same wherever a turn ends", () => {
  const random = seededRandom(11);
  // Strings of escapes and brackets around the place at which the second step ends.
  for (let round = 0; round < 60; round++) {
    const odd = Array.from(
      { length: 40 },
      () => ['\\"', "\\\\", "}", "]", ",", ":", "a"][Math.floor(random.next() * 7)],
    ).join("");
    const first = "x".repeat(2 * STEP_BYTES - 60 + Math.floor(random.next() * 40));
    const json = `{"a":"${first}${odd}","choices":[{"index":3,"text":"${odd}${LONG}${odd}"},` +
      `{"b":${ids(20 * KIB)}}],"c":"${odd}"}`;
    const made = parted(json);
    assertEquals(made.aside.map(({ key }) => key), ["a", "text", "b"]);
    assertEquals(restored(made), json);
    const rest = JSON.parse(decodeUtf8(made.rest));
    assertEquals([rest.choices[0].index, rest.c], [3, JSON.parse(`"${odd}"`)]);
  }
});

Deno.test("setAside() rests after each step", () => {
  for (
    const inside of [
      ids(2_000 * KIB),
      `"${"x".repeat(2_000 * KIB)}"`,
      "[".repeat(9) + "]".repeat(9),
    ]
  ) {
    const json = encodeUtf8(`{"choices":[{"a":${inside}}]}`);
    let turns = 0;
    for (const work = setAside(json);;) {
      if (work.next().done === true) break;
      turns++;
    }
    assertEquals(turns, Math.ceil(json.length / STEP_BYTES) - 1);
  }
});

const MALFORMED: readonly (readonly [name: string, json: string, problem: string])[] = [
  ["a list", "[1]", "Expected an object"],
  ["nothing", "", "Expected an object"],
  ["an object without end", `{"a":"${LONG}"`, "Unterminated"],
  ["a string without end", `{"a":"${LONG}`, "Unterminated"],
  [
    "more small values than are worked on at once",
    `{${Array.from({ length: 40_000 }, (_, at) => `"k${at}":1`).join()}}`,
    `More than ${SMALL_JSON_BYTES} bytes`,
  ],
  [
    "a string that stands for another",
    `{"a":"${LONG}","b":"\\u0000\\u0000aside 0"}`,
    "stands for another",
  ],
];

for (const [name, json, problem] of MALFORMED) {
  Deno.test(`setAside() refuses ${name}`, () => {
    assertThrows(() => parted(json), JsonScanError, problem);
  });
}

Deno.test("setAside() leaves what is malformed to whoever parses it", () => {
  for (const json of ['{"a":}', '{"a" 1}', "{,}", '{"a":1}}', "{]"]) {
    const { rest, aside } = parted(json);
    assertEquals([decodeUtf8(rest), aside.length], [json, 0]);
  }
});

Deno.test("asideOf() tells which value a string stands for, and of others none", () => {
  const { rest, aside } = parted(`{"a":"${LONG}","b":"aside 0","c":${ids(20 * KIB)}}`);
  const value = JSON.parse(decodeUtf8(rest));
  assertEquals(asideOf(value.a, aside)?.key, "a");
  assertEquals(asideOf(value.c, aside)?.key, "c");
  for (const other of [value.b, "\0\0aside 7", "\0\0", 7, null, undefined, "aside "]) {
    assertEquals(asideOf(other, aside), undefined);
  }
});

Deno.test("putBack() leaves bytes as they are of which nothing was set aside", () => {
  const parts = [encodeUtf8('{"a":"\\u0000\\u0000aside 0"}')];
  assert(putBack(parts, []) === parts);
});

Deno.test("putBack() refuses a place without a value", () => {
  const { rest } = parted(`{"a":"${LONG}","b":"${LONG}"}`);
  const { aside } = parted(`{"a":"${LONG}"}`);
  assertThrows(() => putBack([rest], aside), JsonScanError, "without a value");
});
