import { otelMarkdown } from "../../../scripts/real/otel/last_run.ts";
import { assertEquals } from "../../support/assert.ts";

Deno.test("otelMarkdown() has a row for each check", () => {
  const row = { group: "grpc", name: "a | b", outcome: "ok", evidence: "c\nd" } as const;
  const lines = otelMarkdown({ date: "2026-01-02", collector: "1.2.3", rows: [row] }).split("\n");
  assertEquals(lines.slice(2), [
    "| grpc | a \\| b | c d | ok |",
    "",
    "2026-01-02, with the collector 1.2.3",
  ]);
});
