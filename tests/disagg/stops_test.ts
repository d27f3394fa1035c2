import fc from "fast-check";
import { stopMaySpan, stopOverlap } from "../../lib/disagg/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";

const CASES: readonly (readonly [text: string, stops: readonly string[], spans: boolean])[] = [
  ["", ["END"], false],
  ["E", ["END"], true],
  ["the EN", ["END"], true],
  // The engine that wrote the text has seen whole stops itself.
  ["END", ["END"], false],
  ["ENE", ["END"], true],
  ["ENDx", ["END"], false],
  ["N", ["END"], false],
  ["D", ["END"], false],
  ["a", ["a"], false],
  ["a", ["aa"], true],
  ["aa", ["aa"], true],
  ["\n", ["\n\n"], true],
  ["x", ["y", "xz"], true],
  ["x", [], false],
  ["x", [""], false],
  ["e", ["END"], false],
  ["short", ["a much longer stop than the text, short"], false],
];

for (const [text, stops, spans] of CASES) {
  Deno.test(`stopMaySpan() of ${JSON.stringify(text)} and ${JSON.stringify(stops)} is ${spans}`, () => {
    assertEquals(stopMaySpan(text, stops), spans);
  });
}

const letters = fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 4 });

/** All texts of "a" and "b" up to `length` letters. */
function textsUpTo(length: number): readonly string[] {
  let last = [""];
  const texts: string[] = [];
  for (let round = 0; round < length; round++) {
    last = last.flatMap((text) => [`${text}a`, `${text}b`]);
    texts.push(...last);
  }
  return texts;
}

const FOLLOWING = textsUpTo(4);

/** Whether some stop begins in `text` and ends in one of all the texts that can follow. */
function spansSomehow(text: string, stops: readonly string[]): boolean {
  return stops.some((stop) =>
    FOLLOWING.some((next) => {
      const joined = text + next;
      for (let at = joined.indexOf(stop); at >= 0; at = joined.indexOf(stop, at + 1)) {
        if (at < text.length && at + stop.length > text.length) return true;
      }
      return false;
    })
  );
}

Deno.test("stopMaySpan() is true iff some following text completes a stop over the seam", () => {
  let spanning = 0;
  fc.assert(
    fc.property(letters, fc.array(letters.filter((stop) => stop !== ""), { maxLength: 3 }), (
      text,
      stops,
    ) => {
      const expected = spansSomehow(text, stops);
      assertEquals(stopMaySpan(text, stops), expected);
      if (expected) spanning++;
    }),
    { seed: 2026, numRuns: 2_000 },
  );
  assert(spanning > 200 && spanning < 1_800, `${spanning} of 2,000 span`);
});

Deno.test("stopOverlap() is the longest end of a text that begins a stop string", () => {
  const rows: readonly (readonly [text: string, stops: readonly string[], length: number])[] = [
    ["", ["END"], 0],
    ["the EN", ["END"], 2],
    ["END", ["END"], 0],
    ["aa", ["aaa", "ab"], 2],
    ["xab", ["bc", "abc", "b"], 2],
    ["x", [], 0],
  ];
  for (const [text, stops, length] of rows) {
    assertEquals(stopOverlap(text, stops), length, JSON.stringify([text, stops]));
  }
});
