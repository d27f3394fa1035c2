import { jsonProblem } from "../../lib/sim/json_problem.ts";
import { assertEquals } from "../support/assert.ts";

const CASES: readonly (readonly [text: string, at: number, reason: string])[] = [
  ["hello", 0, "Expecting value"],
  ["{", 1, "Expecting property name enclosed in double quotes"],
  ['{"a": 1, ', 9, "Expecting property name enclosed in double quotes"],
  ['{"a": ', 6, "Expecting value"],
  ['{"a" 1}', 5, "Expecting ':' delimiter"],
  ['{"a": 1 "b": 2}', 8, "Expecting ',' delimiter"],
  ["[1 2]", 3, "Expecting ',' delimiter"],
  ['{"messages": [', 14, "Expecting value"],
  ['{"a": {"b": [true, nul]}}', 19, "Expecting value"],
  ["{} {}", 3, "Extra data"],
];

for (const [text, at, reason] of CASES) {
  Deno.test(`jsonProblem() finds what is wrong with ${text}`, () => {
    assertEquals(jsonProblem(text), { at, reason });
  });
}
