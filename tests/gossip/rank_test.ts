import fc from "fast-check";
import { placeOf, rankOf } from "../../lib/gossip/mod.ts";
import { isBefore } from "../../lib/gossip/rank.ts";
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

Deno.test("isBefore() orders names part by part, and numbers by their value", () => {
  const names = ["10.0.0.1", "9.0.0.9", "2.15", "10.0", "2.9", "0", "b", "a", "15", "1.0"];
  const ordered = names.toSorted((one, other) => isBefore(one, other) ? -1 : 1);
  assertEquals(
    ordered,
    ["0", "1.0", "2.9", "2.15", "9.0.0.9", "10.0", "10.0.0.1", "15", "a", "b"],
  );
  for (const name of [...names, "01", "1"]) assertEquals(isBefore(name, name), false);
  assertEquals([isBefore("01", "1"), isBefore("1", "01")], [true, false]);
  // All agree on it: of three, none goes before one that goes before the one that it is behind.
  const one = fc.stringMatching(/^[0-2a.]{1,4}$/);
  fc.assert(
    fc.property(one, one, one, (a, b, c) => {
      assertEquals(isBefore(a, b) && isBefore(b, a), false);
      if (isBefore(a, b) && isBefore(b, c)) assertEquals(isBefore(a, c), true);
    }),
    { seed: 8, numRuns: 2_000 },
  );
});

Deno.test("placeOf() is the number of a worker, and one for every other name", () => {
  assertEquals(["0", "7", "15", "3.12"].map(placeOf), [0, 7, 15, 3]);
  assert(placeOf("10.0.0.1") !== placeOf("10.0.0.2"));
  assert(placeOf("9".repeat(16)) !== placeOf("8".repeat(16)));
});
