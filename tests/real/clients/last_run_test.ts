import { CHECKS } from "../../../scripts/real/clients/checks.ts";
import { clientsMarkdown } from "../../../scripts/real/clients/last_run.ts";
import { assert, assertEquals } from "../../support/assert.ts";

Deno.test("clientsMarkdown() has a row for each check, a column for each client that was there", () => {
  const text = clientsMarkdown({
    date: "2026-01-02",
    clients: [
      { name: "a", version: "1", rows: [{ check: "whole", ok: true, seen: "200" }] },
      { name: "b", version: "2", rows: [{ check: "whole", ok: false, seen: "x | y" }] },
      { name: "absent", rows: [] },
    ],
  });
  const lines = text.split("\n");
  assertEquals(lines[0], "|  | a | b |");
  assert(lines.includes("| whole answers | yes | **no**: x \\| y |"), text);
  assertEquals(
    lines.filter((line) => line.startsWith("| ")).length,
    Object.keys(CHECKS).length + 1,
  );
  assertEquals(lines.slice(-4), ["2026-01-02, with", "", "- a: 1", "- b: 2"]);
});
