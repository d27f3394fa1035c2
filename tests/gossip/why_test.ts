import { codeOfNumber, numberOfCode } from "../../lib/gossip/why.ts";
import { assertEquals } from "../support/assert.ts";

Deno.test("codeOfNumber() undoes numberOfCode(), and knows no other number", () => {
  const seen = new Set<string>();
  for (let number = 0; number < 31; number++) {
    const code = codeOfNumber(number);
    assertEquals(numberOfCode(code), number);
    seen.add(code);
  }
  assertEquals(seen.size, 31);
  assertEquals([codeOfNumber(31), codeOfNumber(9_999)], ["internal", "internal"]);
});

Deno.test("numberOfCode() is what it has always been", () => {
  const known = ["internal", "kv-timeout", "upstream-unreachable", "shutting-down"] as const;
  assertEquals(known.map(numberOfCode), [0, 19, 22, 30]);
});
