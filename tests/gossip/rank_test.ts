import { placeOf, rankOf } from "../../lib/gossip/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";

const PEERS = Array.from({ length: 16 }, (_, index) => String(index));

/** The rank of each, as each reckons it. */
function ranks(matter: string): readonly number[] {
  return PEERS.map((self) => rankOf(self, PEERS.filter((peer) => peer !== self), matter));
}

Deno.test("rankOf() gives all who know of one another an order, another for every matter", () => {
  const firsts = new Map<number, number>();
  for (let matter = 0; matter < 800; matter++) {
    const order = ranks(`engine ${matter}`);
    assertEquals(order.toSorted((a, b) => a - b), PEERS.map((_, index) => index));
    const first = order.indexOf(0);
    firsts.set(first, (firsts.get(first) ?? 0) + 1);
  }
  assertEquals(firsts.size, PEERS.length);
  assert(Math.max(...firsts.values()) < 100, "each is the first about as often as any");
});

Deno.test("rankOf() is 0 for whoever is alone", () => {
  assertEquals(rankOf("0", [], "anything"), 0);
});

Deno.test("placeOf() is a number as it stands, and one for every other name", () => {
  assertEquals(["0", "7", "15"].map(placeOf), [0, 7, 15]);
  assert(placeOf("10.0.0.1") !== placeOf("10.0.0.2"));
  assert(Number.isSafeInteger(placeOf("9".repeat(16))));
});
