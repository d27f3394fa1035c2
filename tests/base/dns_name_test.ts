import { isDnsName } from "../../lib/base/mod.ts";
import { assertEquals } from "../support/assert.ts";

Deno.test("isDnsName() takes what can be asked for, and nothing else", () => {
  const label = "a".repeat(63);
  const right = ["a", "vllm.ns.svc", "_http._tcp.vllm", "A-1.b.", label, `${label}.${label}`];
  for (const name of right) assertEquals(isDnsName(name), true, name);
  const long = Array.from({ length: 4 }, () => label).join(".");
  for (const name of ["", ".", "a..b", ".a", `${label}a`, long, "a b", "a/b", "\u00e4", "a:1"]) {
    assertEquals(isDnsName(name), false, name);
  }
});
