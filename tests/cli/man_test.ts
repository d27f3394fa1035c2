import { manPage } from "../../lib/cli/man.ts";
import { ENVIRONMENT_ONLY, envName, FLAGS } from "../../lib/config/mod.ts";
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";

Deno.test("manPage() has every flag with its variable, and what the environment alone says", () => {
  const page = manPage();
  for (const { name } of FLAGS) {
    assertStringIncludes(page, `\n.B \\-\\-${name.replaceAll("-", "\\-")}`);
    assertStringIncludes(page, `Variable: ${envName(name)}\n`);
  }
  for (const { name } of ENVIRONMENT_ONLY) assertStringIncludes(page, `\n.B ${name}\n`);
});

Deno.test("manPage() has no line that roff would take for a request of its own", () => {
  const requests = new Set([".TH", ".SH", ".SS", ".PP", ".TP", ".B", ".br"]);
  for (const line of manPage().split("\n")) {
    if (line.startsWith("'")) throw new Error(line);
    if (line.startsWith(".")) assert(requests.has(line.split(" ")[0] ?? ""), line);
    assertEquals(/[^\x20-\x7e]/.test(line), false, line);
  }
});
