import { enginesHelp, readEnginesLine } from "../../lib/cli/engines_flags.ts";
import { TERMINAL_WIDTH } from "../../lib/cli/columns.ts";
import { problemText } from "../../lib/config/mod.ts";
import { assert, assertEquals, fail } from "../support/assert.ts";

function problems(...argv: readonly string[]): readonly string[] {
  const line = readEnginesLine(argv);
  return line.kind === "wrong" ? line.problems.map(problemText) : fail(line.kind);
}

Deno.test("readEnginesLine() finds the operand in front of flags, between and behind them", () => {
  const flags = ["--admin", "http://h:1", "--no-wait"];
  for (
    const argv of [
      ["drain", "a:1", ...flags],
      [...flags, "drain", "a:1"],
      ["drain", ...flags, "a:1"],
      ["drain", "--no-wait", "a:1", "--admin=http://h:1"],
    ]
  ) {
    const line = readEnginesLine(argv);
    assert(line.kind === "ask", argv.join(" "));
    assertEquals([line.ask.verb, line.ask.operand], ["drain", "a:1"]);
    assertEquals(line.ask.flags.get("admin"), ["http://h:1"]);
    assert(line.ask.flags.has("no-wait"));
  }
});

const WRONG: readonly (readonly [argv: readonly string[], ...expected: readonly string[]])[] = [
  [[], "engines: expected list, add, drain, undrain, remove"],
  [["drian", "a:1"], "drian: unknown command; did you mean drain?"],
  [["add"], "add: expected the engine's URL"],
  [["drain"], "drain: expected the engine's id, as list tells it"],
  [["list", "a:1"], "a:1: unexpected argument"],
  [["drain", "a:1", "b:1"], "b:1: unexpected argument"],
  [["list", "--rol", "x"], "--rol: unknown flag", "x: unexpected argument"],
  [["add", "http://a", "--rol=any"], "--rol: unknown flag; did you mean --role?"],
  [["list", "--role", "any"], "--role: belongs to add"],
  [["drain", "a:1", "--timeout", "soon"], '--timeout "soon": expected seconds from 0 to 3600'],
  [["list", "--admin", "h:1"], '--admin "h:1": expected a URL such as http://127.0.0.1:8002'],
  [["list", "--admin"], "--admin: expected a value"],
];

for (const [argv, ...expected] of WRONG) {
  Deno.test(`readEnginesLine() refuses ${argv.join(" ") || "nothing"}`, () => {
    assertEquals([...problems(...argv)].sort(), [...expected].sort());
  });
}

Deno.test("enginesHelp() keeps to the terminal's width", () => {
  for (const line of enginesHelp().split("\n")) assert(line.length <= TERMINAL_WIDTH, line);
});
