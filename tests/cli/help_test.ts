import { routerHelp } from "../../lib/cli/help.ts";
import { FLAG_GROUPS, FLAGS } from "../../lib/config/mod.ts";
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";

Deno.test("routerHelp() has every flag under its heading, with default and choices", () => {
  const text = routerHelp();
  for (const { title, flags } of FLAG_GROUPS) {
    const section = text.split(`\n${title}:\n`)[1]?.split("\n\n")[0] ?? "";
    for (const flag of flags) {
      const entry = section.split(/\n(?= {2}--)/).find((part) =>
        part.trimStart().split(/\s/)[0] === `--${flag.name}`
      )?.replaceAll(/\s+/g, " ") ?? "";
      const start = flag.help.split(" ").slice(0, 3).join(" ");
      assertStringIncludes(entry, start, flag.name);
      if (flag.default) {
        assertStringIncludes(entry, `default: ${flag.default})`, flag.name);
      }
      for (const choice of flag.choices ?? []) {
        assertStringIncludes(entry, choice, flag.name);
      }
    }
  }
});

Deno.test("routerHelp() begins with the usage and a quick start", () => {
  const [usage, quickStart] = routerHelp().split("\n\n");
  for (const command of ["[flags]", "check", "demo", "sim", "help"]) {
    assertStringIncludes(usage ?? "", `pd-router ${command}`);
  }
  assertStringIncludes(quickStart ?? "", "pd-router --prefill http://");
  assertEquals(quickStart?.split("\n").length, 3);
});

Deno.test("routerHelp() fits 100 columns, and says how the environment names flags", () => {
  const text = routerHelp();
  for (const line of text.split("\n")) assert(line.length <= 100, line);
  assertStringIncludes(text, "PD_ROUTER_NIXL_PROXY_HOST");
  assertStringIncludes(text, "VLLM_API_KEY");
  assert(FLAGS.length > 60 && !text.includes("undefined"));
});
