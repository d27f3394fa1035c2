import type { Row } from "../../scripts/real/check.ts";
import { lastRunMarkdown } from "../../scripts/real/last_run.ts";
import { assertEquals } from "../support/assert.ts";

const ROWS: readonly Row[] = [
  { group: "a", name: "echo", outcome: "ok", evidence: "2 equal, direct (echo)" },
  { group: "b", name: "echo", outcome: "limit", evidence: "cannot\n  do | it" },
  { group: "a", name: "stop", outcome: "ok", evidence: "4 equal" },
  { group: "a", name: "end", outcome: "ok", evidence: "4 equal, KV moved, 2 equal, direct (x)" },
  { group: "b", name: "end", outcome: "ok", evidence: "6 equal, KV moved" },
  { group: "b", name: "stop", outcome: "failed", evidence: "differs" },
  { group: "b", name: "alone", outcome: "ok", evidence: "3 MiB" },
];

Deno.test("lastRunMarkdown() puts what groups share side by side, then the rest and the limits", () => {
  const run = { date: "2026-01-02", versions: { x: "1.0" }, machine: "2 cores", minutes: 3 };
  assertEquals(lastRunMarkdown({ ...run, rows: ROWS }).split("\n"), [
    "2026-01-02: x 1.0;",
    "2 cores; 3 minutes; 5 ok, 1 limit, 1 failed.",
    "",
    "| the same answer as one engine alone | a | b |",
    "|---|---|---|",
    "| echo | ok, direct (`echo`) | limit |",
    "| stop | ok | failed |",
    "| end | ok, in part direct (`x`) | ok |",
    "",
    "| with | what | seen |",
    "|---|---|---|",
    "| b | alone | 3 MiB |",
    "",
    "Limits:",
    "",
    "- b, echo:",
    "  cannot do \\| it.",
    "",
  ]);
});
