import { encodeUtf8, RouterError } from "../../lib/base/mod.ts";
import { parseRequest, priorityOf } from "../../lib/openai/mod.ts";
import { assertEquals, assertThrows } from "../support/assert.ts";

function priorityIn(member: string): number {
  return priorityOf(parseRequest(encodeUtf8(`{"model":"m"${member}}`)).body);
}

Deno.test("priorityOf() is the request's, as engines read it, and 0 without one", () => {
  const cases = [
    ["", 0],
    [',"priority":7', 7],
    [',"priority":-3', -3],
    [',"priority":"12"', 12],
    [',"priority":null', 0],
    [',"priority":"high"', 0],
    [',"priority":1.5', 0],
  ] as const;
  for (const [member, priority] of cases) assertEquals(priorityIn(member), priority, member);
});

Deno.test("priorityOf() refuses what is larger than any number", () => {
  const large = `,"priority":"${"1".repeat(20 * 1024 * 1024)}"`;
  assertThrows(() => priorityIn(large), RouterError, "priority");
});
