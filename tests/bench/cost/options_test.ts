import { readOptions, SECTION_NAMES } from "../../../scripts/bench/cost/options.ts";
import { ROUTES } from "../../../scripts/bench/cost/ways.ts";
import { assertEquals, assertThrows } from "../../support/assert.ts";

Deno.test("readOptions() measures everything of this checkout unless told otherwise", () => {
  assertEquals(readOptions([]), {
    quick: false,
    peers: false,
    sections: SECTION_NAMES,
    routes: ROUTES,
    rounds: undefined,
    program: undefined,
    json: ".bench/cost.json",
  });
});

Deno.test("readOptions() takes values behind a space or an equals sign, lists in the usual order", () => {
  const options = readOptions([
    ...["--quick", "--peers", "--only", "streams,requests", "--route=p1,direct"],
    ...["--rounds", "5", "--json=a=b.json", "--program", "dist/pd-router"],
  ]);
  assertEquals(options, {
    quick: true,
    peers: true,
    sections: ["requests", "streams"],
    routes: ["direct", "p1"],
    rounds: 5,
    program: "dist/pd-router",
    json: "a=b.json",
  });
});

for (
  const [args, problem] of [
    [["--only", "nothing"], '"--only" must be of requests'],
    [["--route", "p2"], 'received "p2"'],
    [["--rounds", "0"], '"--rounds" must be a positive integer'],
    [["--rounds"], "without a value"],
    [["--quick=yes"], 'Cannot take "--quick=yes"'],
    [["fast"], 'Cannot take "fast"'],
  ] as const
) {
  Deno.test(`readOptions() refuses ${args.join(" ")}`, () => {
    assertThrows(() => readOptions(args), RangeError, problem);
  });
}
