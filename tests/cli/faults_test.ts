import { outliveFaults } from "../../lib/cli/faults.ts";
import { assertEquals, assertStringIncludes } from "../support/assert.ts";

function faults(): readonly Event[] {
  const reason = new Error("rejected", { cause: new Error("deeper") });
  const promise = Promise.resolve();
  return [
    new PromiseRejectionEvent("unhandledrejection", { promise, reason, cancelable: true }),
    new ErrorEvent("error", { error: new Error("thrown"), cancelable: true }),
  ];
}

Deno.test("outliveFaults() tells faults and keeps the process", () => {
  const target = new EventTarget();
  const lines: string[] = [];
  {
    using _faults = outliveFaults(target, (line) => lines.push(line));
    for (const event of faults()) assertEquals(target.dispatchEvent(event), false);
  }
  assertEquals(lines.length, 2);
  assertStringIncludes(lines[0] ?? "", "rejected: deeper");
  assertStringIncludes(lines[1] ?? "", "thrown");
});

Deno.test("outliveFaults() lets go when disposed", () => {
  const target = new EventTarget();
  outliveFaults(target, () => {})[Symbol.dispose]();
  for (const event of faults()) assertEquals(target.dispatchEvent(event), true);
});
