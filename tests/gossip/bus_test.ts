import { isPeerId } from "../../lib/gossip/mod.ts";
import { assertEquals } from "../support/assert.ts";

Deno.test("isPeerId() takes short names of letters, digits and dots", () => {
  for (const name of ["0", "15", "10.0.0.1", "router.Z", "x".repeat(16)]) {
    assertEquals(isPeerId(name), true, name);
  }
  for (const name of ["", "x".repeat(25), "a b", "a:1", "\u00e9", "a\n"]) {
    assertEquals(isPeerId(name), false, JSON.stringify(name));
  }
});
