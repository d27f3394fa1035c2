/** Every parser with a few hundred inputs, the same each time. */
import { PARSERS, TARGETS } from "../../scripts/fuzz/targets.ts";
import { assertEquals } from "../support/assert.ts";
import { findingsOf } from "./support.ts";

const SEED = 20_261;
const CASES = 96;

for (const target of PARSERS) {
  Deno.test(`${target.name} has nothing to tell of a few hundred inputs`, async () => {
    assertEquals(await findingsOf(target, CASES, SEED), []);
  });
}

Deno.test("TARGETS have names of their own", () => {
  const names = TARGETS.map(({ name }) => name);
  assertEquals(names.length, new Set(names).size);
});
