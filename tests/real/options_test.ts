import { readOptions } from "../../scripts/real/options.ts";
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";

const GROUPS = ["a", "b"];

Deno.test("readOptions() reads every flag, and has all groups and the cache given without", () => {
  assertEquals(readOptions([], GROUPS, "c"), { cache: "c", only: GROUPS, save: false });
  assertEquals(readOptions(["--save", "--only", "b", "--cache", "d"], GROUPS, "c"), {
    cache: "d",
    only: ["b"],
    save: true,
  });
});

Deno.test("readOptions() says what it does not know, and what it does", () => {
  for (const args of [["--only", "x"], ["--cache"], ["--only"], ["y"], ["--save", "z"]]) {
    const told = readOptions(args, GROUPS, "c");
    assert(typeof told === "string");
    assertStringIncludes(told, args.filter((arg) => arg !== "--save").join(" "));
    assertStringIncludes(told, "[--cache DIR] [--only GROUP] [--save]\nGroups: a, b");
  }
});
