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

Deno.test("Turnstile.move() counts one under another address, or under none", () => {
  const turnstile = new Turnstile({ maxConnections: 10, maxPerAddress: 1 });
  assertEquals([turnstile.enter("proxy"), turnstile.enter("a")], [undefined, undefined]);
  assertEquals([turnstile.move("proxy", "a"), turnstile.enter("proxy")], ["address", "address"]);
  assertEquals([turnstile.move("proxy", "b"), turnstile.enter("proxy")], [undefined, undefined]);
  assertEquals([turnstile.move("proxy", "b"), turnstile.move("b", undefined)], [
    "address",
    undefined,
  ]);
  assertEquals(turnstile.move("a", "a"), undefined);
  assertEquals([turnstile.move("proxy", "b"), turnstile.move(undefined, "proxy")], [
    undefined,
    undefined,
  ]);
  turnstile.leave("b");
  turnstile.leave(undefined);
  assertEquals([turnstile.enter("b"), turnstile.enter("a")], [undefined, "address"]);
});
