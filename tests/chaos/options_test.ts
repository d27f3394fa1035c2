import { commandOf, DEFAULTS, readOptions } from "../../scripts/chaos/options.ts";
import { assertEquals, assertStringIncludes } from "../support/assert.ts";

Deno.test("readOptions() reads every flag", () => {
  assertEquals(readOptions([]), DEFAULTS);
  const args =
    "--seed 0 --minutes 0.5 --clients 9 --prefills 1 --decodes 2 --workers 4 --protocol nixl";
  const options = readOptions(args.split(" "));
  assertEquals(options, {
    seed: 0,
    minutes: 0.5,
    clients: 9,
    prefills: 1,
    decodes: 2,
    workers: 4,
    protocol: "nixl",
  });
  assertEquals(
    typeof options === "string" ? options : commandOf(options),
    `deno task chaos ${args}`,
  );
});

const WRONG = [
  "--seed",
  "--seed -1",
  "--seed 1.5",
  "--minutes 0",
  "--clients none",
  "--decodes 17",
  "--workers 0",
  "--protocol none",
  "--colour red",
  "seed 1",
];

for (const args of WRONG) {
  Deno.test(`readOptions() says what is wrong with ${args}`, () => {
    const problem = readOptions(args.split(" "));
    assertStringIncludes(String(problem), "unknown, or not a value that it takes\nUsage:");
  });
}
