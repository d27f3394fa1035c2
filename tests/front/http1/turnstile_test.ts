import { Turnstile } from "../../../lib/front/http1/turnstile.ts";
import { assertEquals } from "../../support/assert.ts";

Deno.test("Turnstile.enter() lets so many in, and from each address so many", () => {
  const turnstile = new Turnstile({ maxConnections: 3, maxPerAddress: 2 });
  assertEquals(["a", "a", "a", "b", "b", "c"].map((address) => turnstile.enter(address)), [
    undefined,
    undefined,
    "address",
    undefined,
    "connections",
    "connections",
  ]);
});

Deno.test("Turnstile.leave() makes room for another", () => {
  const turnstile = new Turnstile({ maxConnections: 2, maxPerAddress: 1 });
  for (let round = 0; round < 3; round++) {
    assertEquals([turnstile.enter("a"), turnstile.enter("a")], [undefined, "address"]);
    assertEquals([turnstile.enter("b"), turnstile.enter("c")], [undefined, "connections"]);
    turnstile.leave("a");
    assertEquals(turnstile.enter("c"), undefined);
    turnstile.leave("c");
    turnstile.leave("b");
  }
});
