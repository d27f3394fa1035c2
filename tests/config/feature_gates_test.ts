import { GATES_VARIABLE, readGates } from "../../lib/config/feature_gates.ts";
import { problemText } from "../../lib/config/mod.ts";
import { assertEquals, assertMatch } from "../support/assert.ts";
import { FLEET, linesOf, resolve } from "./support.ts";

/** Problems and notes of a text of gates, each to its first colon. */
function gates(text: string): readonly [problems: readonly string[], notes: readonly string[]] {
  const { problems, notes } = readGates([{ where: "--feature-gates", text }]);
  return [problems.map(problemText), notes.map((note) => note.slice(0, note.indexOf(":")))];
}

Deno.test("readGates() notes what has no effect, and says nothing of what is off", () => {
  const rows: readonly (readonly [string, readonly string[]])[] = [
    ["", []],
    [" , ", []],
    ["SemanticCache=false,PIIDetection=False", []],
    ["SemanticCache=true", ["--feature-gates SemanticCache=true has no effect"]],
    [" SemanticCache = TRUE ", ["--feature-gates SemanticCache=true has no effect"]],
    ["SemanticCache=true,SemanticCache=false", []],
    ["Other=true", ["--feature-gates Other=true has no effect"]],
    ["toString=true", ["--feature-gates toString=true has no effect"]],
  ];
  for (const [text, notes] of rows) assertEquals(gates(text), [[], notes], text);
});

Deno.test("readGates() refuses gates that keep something from the engines, and what is none", () => {
  for (const name of ["PIIDetection", "PII"]) {
    const [[problem = ""], notes] = gates(`SemanticCache=false,${name}=true`);
    assertMatch(problem, new RegExp(`^--feature-gates "${name}=true": requests are not searched`));
    assertEquals(notes, []);
  }
  for (const text of ["SemanticCache", "SemanticCache=maybe", "=true", "a=true=true"]) {
    assertEquals(gates(text), [[
      `--feature-gates "${text}": expected NAME=true or NAME=false`,
    ], []]);
  }
});

Deno.test("readGates() lets later texts override earlier ones, gate by gate", () => {
  const flag = { where: "--feature-gates", text: "PIIDetection=false" };
  const variable = { where: GATES_VARIABLE, text: "PIIDetection=true,SemanticCache=true" };
  const { problems, notes } = readGates([variable, flag]);
  assertEquals([problems.length, notes.length], [0, 1]);
  assertMatch(notes[0] ?? "", /^VLLM_FEATURE_GATES SemanticCache=true/);
});

Deno.test("resolveConfig() takes gates of both places, and tells what has no effect", () => {
  const env = { VLLM_FEATURE_GATES: "SemanticCache=true" };
  const result = resolve({ flags: FLEET, env });
  assertEquals(result.ok && result.notes.length, 1);
  assertMatch(
    linesOf({ flags: { ...FLEET, "feature-gates": "PIIDetection=true" }, env }).join("\n"),
    /^--feature-gates "PIIDetection=true": /,
  );
});
