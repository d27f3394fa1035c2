import { UrlUses } from "../../lib/fleet/url_uses.ts";
import { assertEquals } from "../support/assert.ts";

Deno.test("UrlUses.end() tells the last use of each URL, and keeps nothing of it", () => {
  const uses = new UrlUses();
  for (const url of ["a", "b", "a"]) uses.begin(url);
  assertEquals(uses.size, 2);
  assertEquals([uses.end("a"), uses.end("b"), uses.size], [false, true, 1]);
  assertEquals([uses.end("a"), uses.size], [true, 0]);
});

Deno.test("UrlUses counts a URL afresh after its last use", () => {
  const uses = new UrlUses();
  for (let round = 0; round < 3; round++) {
    uses.begin("a");
    uses.begin("a");
    assertEquals([uses.end("a"), uses.end("a"), uses.size], [false, true, 0]);
  }
});
