import { flagTable, metricTable } from "../../lib/cli/help_tables.ts";
import { envName, FLAG_GROUPS } from "../../lib/config/mod.ts";
import { METRICS, type MetricSpec, STACK_METRICS } from "../../lib/metrics/mod.ts";
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";

const oneLine = (text: string): string => text.replaceAll(/\s+/g, " ").trim();

/** Parts of `text` that begin with two spaces and no third, without what is before the first. */
function entriesOf(text: string): readonly string[] {
  return text.split(/^ {2}(?=\S)/m).slice(1);
}

Deno.test("flagTable() has every flag once, with meaning, choices, default and variable", () => {
  const text = flagTable();
  for (const { title, flags } of FLAG_GROUPS) {
    const section = text.split(`\n${title}:\n`)[1]?.split("\n\n")[0] ?? "";
    const entries = entriesOf(`\n${section}`);
    assertEquals(entries.length, flags.length, title);
    for (const [index, flag] of flags.entries()) {
      const words = oneLine(entries[index] ?? "");
      assert(words.startsWith(`--${flag.name} `), words);
      assertStringIncludes(words, flag.help);
      assert(words.endsWith(` ${envName(flag.name)}`), words);
      if (flag.default) assertStringIncludes(words, `default: ${flag.default})`);
      for (const choice of flag.choices ?? []) assertStringIncludes(words, choice);
    }
  }
  assertStringIncludes(text, "Environment only:\n  VLLM_API_KEY  ");
});

Deno.test("flagTable() aligns all meanings", () => {
  const lines = flagTable().split("\n").filter((line) => /^ {3,}/.test(line));
  assert(lines.length > 100);
  const columns = new Set(lines.map((line) => line.search(/\S/)));
  // The last group has its own column: a variable alone.
  assertEquals(columns.size, 2);
});

Deno.test("metricTable() has every metric once, its cells under their heads", () => {
  const [heads = "", ...entries] = entriesOf(metricTable());
  const all = { ...METRICS, ...STACK_METRICS };
  assertEquals(entries.length, Object.keys(all).length);
  const [kindAt, labelsAt] = ["kind", "labels"].map((head) => heads.indexOf(head));
  for (const [index, [name, spec]] of Object.entries<MetricSpec>(all).entries()) {
    const [row = "", ...meaning] = (entries[index] ?? "").trimEnd().split("\n");
    assertEquals(row.slice(0, kindAt).trim(), name);
    assertEquals(row.slice(kindAt, labelsAt).trim(), spec.kind);
    assertEquals(row.slice(labelsAt).trim(), spec.labels.join(", "));
    assertEquals(oneLine(meaning.join("\n")), spec.help);
  }
});
