import { readKubernetesOptions } from "../../../scripts/real/kubernetes/options.ts";
import { assert, assertEquals, assertStringIncludes } from "../../support/assert.ts";

const GROUPS = ["pods", "outages"];

Deno.test("readKubernetesOptions() runs all groups in the usual folder unless told otherwise", () => {
  assertEquals(readKubernetesOptions([], GROUPS, "/c"), { cache: "/c", only: GROUPS });
  const given = ["--only", "outages", "--cache", "/d"];
  assertEquals(readKubernetesOptions(given, GROUPS, "/c"), { cache: "/d", only: ["outages"] });
});

Deno.test("readKubernetesOptions() names what it does not know, with what there is", () => {
  for (const args of [["--only", "none"], ["--only"], ["--cache"], ["--save"]]) {
    const said = readKubernetesOptions(args, GROUPS, "/c");
    assert(typeof said === "string", `${args} was taken`);
    assertStringIncludes(said, args.join(" "));
    assertStringIncludes(said, "Groups: pods, outages");
  }
});
