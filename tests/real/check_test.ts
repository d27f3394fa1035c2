import { Checks, EngineLimit, must } from "../../scripts/real/check.ts";
import { assert, assertEquals } from "../support/assert.ts";

Deno.test("Checks.run() keeps a row of what was seen, of limits and of failures", async () => {
  const printed: string[] = [];
  const checks = new Checks((line) => void printed.push(line));
  assert(!checks.passed, "nothing was checked yet");
  await checks.run("g", "one", () => Promise.resolve("seen"));
  await checks.run("g", "two", () => Promise.reject(new EngineLimit("cannot")));
  assert(checks.passed);
  await checks.run("g", "three", () => {
    must(false, "wrong");
    return Promise.resolve("never");
  });
  assert(!checks.passed);
  assertEquals(checks.rows, [
    { group: "g", name: "one", outcome: "ok", evidence: "seen" },
    { group: "g", name: "two", outcome: "limit", evidence: "cannot" },
    { group: "g", name: "three", outcome: "failed", evidence: "wrong" },
  ]);
  assertEquals(printed.length, 3);
});
