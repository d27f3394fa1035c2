import fc from "fast-check";
import { decodeUtf8, OPEN_BRACE, OPEN_BRACKET, STEP_BYTES } from "../../lib/base/mod.ts";
import {
  JsonObject,
  JsonScanError,
  JsonWalk,
  type Member,
  scanArray,
  scanningObject,
  scanObject,
} from "../../lib/openai/mod.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";
import { stepped } from "../support/counting_breather.ts";
import { arrayText, bytesOf, objectText, RUNS, spoiltText } from "./support.ts";

type Found = Pick<Member, "keyStart" | "start" | "end">;

/** What a walk over an object finds at its first level, stopped where `stops` says; or its error. */
function walked(bytes: Uint8Array, stopBytes: number): readonly Found[] | string {
  const walk = new JsonWalk(bytes, 0, { root: OPEN_BRACE, depth: 1, whole: true });
  const found: Found[] = [];
  try {
    let stop = stopBytes;
    for (;;) {
      const event = walk.next(stop);
      if (event === "end") return found;
      if (event === "more") stop = walk.at + stopBytes;
      else if (event === "value") {
        found.push({ keyStart: walk.keyStart, start: walk.start, end: walk.at });
      }
    }
  } catch (error) {
    assert(error instanceof JsonScanError);
    return error.message;
  }
}

/** The same by the scan that does all at once. */
function scanned(bytes: Uint8Array): readonly Found[] | string {
  try {
    return scanObject(bytes).map(({ keyStart, start, end }) => ({ keyStart, start, end }));
  } catch (error) {
    assert(error instanceof JsonScanError);
    return error.message;
  }
}

for (const [name, texts] of [["right", objectText], ["spoilt", spoiltText]] as const) {
  Deno.test(`JsonWalk finds what scanObject() finds in ${name} texts, wherever it stops`, () => {
    fc.assert(
      fc.property(texts, fc.integer({ min: 1, max: 40 }), (text, stopBytes) => {
        const bytes = bytesOf(text);
        const expected = scanned(bytes);
        // A key that is no string is found out later there.
        if (typeof expected === "string" && expected.startsWith("Bad escape")) return;
        assertEquals(walked(bytes, stopBytes), expected, text);
        assertEquals(walked(bytes, Infinity), expected, text);
      }),
      { ...RUNS, numRuns: 1_500 },
    );
  });
}

Deno.test("JsonWalk stops within a string, before and behind every kind of escape", () => {
  const inside = 'a\\"b\\\\' + "x".repeat(50) + '\\\\\\"' + "\\\\".repeat(40) + "y".repeat(33) +
    "\\u0041";
  const bytes = bytesOf(`{"k${inside}": "${inside}", "b":1}`);
  const expected = scanned(bytes);
  for (let stopBytes = 1; stopBytes < bytes.length; stopBytes++) {
    assertEquals(walked(bytes, stopBytes), expected, `${stopBytes} bytes at a time`);
  }
});

Deno.test("JsonWalk goes as deep as it is told, and tells what it enters and leaves", () => {
  const bytes = bytesOf('[{"a":[1,[2]],"b":{}},3]');
  const events = (depth: number): readonly string[] => {
    const walk = new JsonWalk(bytes, 0, { root: OPEN_BRACKET, depth });
    const told: string[] = [];
    for (let event = walk.next(Infinity); event !== "end"; event = walk.next(Infinity)) {
      const text = event === "value" ? decodeUtf8(bytes.subarray(walk.start, walk.at)) : walk.depth;
      told.push(`${event} ${text}`);
    }
    return told;
  };
  assertEquals(events(1), ["open 1", 'value {"a":[1,[2]],"b":{}}', "value 3", "close 0"]);
  assertEquals(events(2), [
    "open 1",
    "open 2",
    "value [1,[2]]",
    "value {}",
    "close 1",
    "value 3",
    "close 0",
  ]);
});

Deno.test("JsonWalk finds the elements of arrays that scanArray() finds", () => {
  fc.assert(
    fc.property(arrayText, fc.integer({ min: 1, max: 20 }), (text, stopBytes) => {
      const bytes = bytesOf(text);
      const walk = new JsonWalk(bytes, 0, { root: OPEN_BRACKET, depth: 1 });
      const found: { start: number; end: number }[] = [];
      for (
        let event = walk.next(stopBytes);
        event !== "end";
        event = walk.next(walk.at + stopBytes)
      ) {
        if (event === "value") found.push({ start: walk.start, end: walk.at });
      }
      assertEquals(found, [...scanArray(bytes, { start: 0, end: bytes.length })]);
    }),
    RUNS,
  );
});

/** 1 MiB bodies that cost the most to look at, one way each. */
const HOSTILE: readonly (readonly [name: string, before: string, unit: string, behind: string])[] =
  [
    ["members of a member", '{"a":{"b":1', ',"b":1', "}}"],
    ["a flat list", '{"a":[1', ",1", "]}"],
    ["one string", '{"a":"', "x", '"}'],
    ["escaped quotes", '{"a":"', '\\"', '"}'],
    ["backslashes", '{"a":"', "\\\\", '"}'],
    ["deep nesting, again and again", '{"a":[1', `,${"[".repeat(500)}${"]".repeat(500)}`, "]}"],
    ["white space", '{"a":', " ", "1}"],
    ["white space at the beginning", "", " ", '{"a":1}'],
    ["white space at the end", '{"a":1}', " ", ""],
    ["one key", '{"', "k", '":1}'],
  ];

for (const [name, before, unit, behind] of HOSTILE) {
  Deno.test(`JsonWalk.step() passes over 16 KiB at most of ${name}`, () => {
    const bytes = bytesOf(before + unit.repeat((1024 * 1024) / unit.length) + behind);
    const walk = new JsonWalk(bytes, 0, { root: OPEN_BRACE, depth: 1, whole: true });
    let since = 0;
    let steps = 0;
    for (let event = walk.step(); event !== "end"; event = walk.step()) {
      if (event !== "more") continue;
      assert(walk.at - since <= STEP_BYTES + 64, `${walk.at - since} bytes in a step`);
      since = walk.at;
      steps++;
    }
    assert(steps >= 60 && steps < 80, `${steps} steps`);
  });
}

Deno.test("JsonWalk takes numbers as long as Python does, and none without an end", () => {
  const long = (digits: number): Uint8Array => bytesOf(`{"a":${"7".repeat(digits)}}`);
  assertEquals(scanObject(long(4_300)).length, 1);
  for (const digits of [4_301, 1024 * 1024]) {
    assertThrows(() => scanObject(long(digits)), JsonScanError, "4301 digits or more");
    assertThrows(() => stepped(scanningObject(long(digits))), JsonScanError, "4301 digits or more");
  }
});

for (const pad of [0, 100_000]) {
  Deno.test(`scanningObject() takes Python's numbers where told to, ${pad} bytes before them`, () => {
    const text = `{"pad":"${"x".repeat(pad)}","a":NaN,"b":[-Infinity,{"c":Infinity}],"d":"NaN"}`;
    assertThrows(
      () => stepped(scanningObject(bytesOf(text))),
      JsonScanError,
      "Unexpected character",
    );
    const { value } = stepped(JsonObject.reading(bytesOf(text), { python: true }));
    assertEquals([...value.keys()], ["pad", "a", "b", "d"]);
    assertEquals(value.value("b"), [-Infinity, { c: Infinity }]);
    assertEquals(value.value("d"), "NaN");
    assert(!Number.isFinite(value.value("a")));
    for (const odd of ["nan", "-NaN", "+Infinity", "Inf", "-Infinit", "NaNs"]) {
      const spoilt = bytesOf(`{"pad":"${"x".repeat(pad)}","a":${odd}}`);
      assertThrows(() => stepped(scanningObject(spoilt, { python: true })), JsonScanError);
    }
  });

  Deno.test(`scanningObject() counts members, ${pad} bytes before them`, () => {
    const text = (count: number): Uint8Array =>
      bytesOf(`{"pad":"${"x".repeat(pad)}"${',"a":1'.repeat(count - 1)}}`);
    assertEquals(stepped(scanningObject(text(50), { maxMembers: 50 })).value.length, 50);
    const many = (): unknown => stepped(scanningObject(text(51), { maxMembers: 50 }));
    assertThrows(many, JsonScanError, "More than 50 members");
  });
}
