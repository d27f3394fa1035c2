import { readDeployOptions } from "../../scripts/deploy/check/options.ts";
import { assert, assertEquals } from "../support/assert.ts";

const GROUPS = ["helm", "cluster"];

Deno.test("readDeployOptions() runs all groups unless told otherwise", () => {
  assertEquals(readDeployOptions([], GROUPS, "/c"), { cache: "/c", only: GROUPS, save: false });
  assertEquals(readDeployOptions(["--only", "helm", "--save", "--cache", "/d"], GROUPS, "/c"), {
    cache: "/d",
    only: ["helm"],
    save: true,
  });
});

Deno.test("readDeployOptions() says what it does not know, with the groups there are", () => {
  for (const args of [["--only"], ["--only", "other"], ["--what", "x"], ["--cache"]]) {
    const said = readDeployOptions(args, GROUPS, "/c");
    assert(typeof said === "string" && said.includes("helm, cluster"), JSON.stringify(said));
  }
});
