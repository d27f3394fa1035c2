import { findingText, summaryText } from "../../lib/cli/doctor_text.ts";
import type { Finding } from "../../lib/doctor/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";

const FOUND: Finding = {
  check: "engines",
  outcome: "failed",
  subject: "prefill http://10.0.0.1:8000",
  said: "gives no answer: ".padEnd(120, "x y "),
  advice: "is vLLM running there, and does a firewall let this host reach the port of its server?",
};

Deno.test("findingText() keeps to 80 columns, and has the advice below", () => {
  const lines = findingText(FOUND).split("\n");
  assert(lines.every((line) => line.length <= 80));
  assert(lines[0]?.startsWith("  FAILED  prefill http://10.0.0.1:8000: gives no answer: x"));
  assert(lines.slice(1).every((line) => line.startsWith(" ".repeat(10))));
  assert(lines.some((line) => line.includes("-> is vLLM running there")));
});

Deno.test("findingText() says nothing of a subject that there is not", () => {
  assertEquals(
    findingText({ check: "clocks", outcome: "ok", subject: "", said: "good" }),
    "  ok      good",
  );
});

Deno.test("summaryText() counts every outcome", () => {
  const of = (outcome: Finding["outcome"]): Finding => ({ ...FOUND, outcome });
  assertEquals(
    summaryText([of("ok"), of("warning"), of("failed"), of("failed")]),
    "1 ok, 0 skipped, 1 warning, 2 failed",
  );
});
