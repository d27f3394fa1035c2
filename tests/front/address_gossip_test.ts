import { AddressGossip } from "../../lib/front/mod.ts";
import { Turnstile } from "../../lib/front/http1/turnstile.ts";
import { Counts } from "../../lib/gossip/mod.ts";
import { assertEquals } from "../support/assert.ts";

/** What is told at this moment. */
function toldBy(gossip: AddressGossip, all = false): readonly string[] {
  const told: string[] = [];
  const nothing = (): void => {};
  gossip.gather({
    all,
    load: nothing,
    verdict: nothing,
    pair: nothing,
    key: nothing,
    met: nothing,
    address: (address, connections) => void told.push(`${address} ${connections}`),
  });
  return told;
}

Deno.test("AddressGossip.gather() tells of addresses whose connections are others, or of all", () => {
  const gossip = new AddressGossip(new Counts());
  gossip.changed("a", 1);
  gossip.changed("b", 1);
  gossip.changed("a", 2);
  assertEquals(toldBy(gossip), ["a 2", "b 1"]);
  assertEquals(toldBy(gossip), []);
  gossip.changed("b", 0);
  gossip.changed("c", 0);
  assertEquals(toldBy(gossip), ["b 0"]);
  assertEquals(toldBy(gossip, true), ["a 2"]);
});

Deno.test("AddressGossip tells of no more addresses than it may, and forgets none of those", () => {
  const gossip = new AddressGossip(new Counts());
  for (let address = 0; address < 20_000; address++) gossip.changed(String(address), 1);
  assertEquals(toldBy(gossip).length, 16_384);
  gossip.changed("19999", 2);
  gossip.changed("0", 2);
  assertEquals(toldBy(gossip), ["0 2"]);
  gossip.changed("0", 0);
  gossip.changed("19999", 3);
  assertEquals(toldBy(gossip), ["0 0", "19999 3"]);
});

Deno.test("Turnstile counts the connections of other routers with its own, by address", () => {
  const elsewhere = new Counts();
  const gossip = new AddressGossip(elsewhere);
  const turnstile = new Turnstile({ maxConnections: 10, maxPerAddress: 3 }, gossip);
  elsewhere.add("a", 2);
  assertEquals([turnstile.enter("a"), turnstile.enter("a")], [undefined, "address"]);
  assertEquals(turnstile.enter("b"), undefined);
  assertEquals(turnstile.move("b", "a"), "address");
  elsewhere.add("a", -1);
  assertEquals(turnstile.move("b", "a"), undefined);
  assertEquals(toldBy(gossip).toSorted(), ["a 2", "b 0"]);
  turnstile.leave("a");
  turnstile.leave("a");
  assertEquals(toldBy(gossip), ["a 0"]);
});

Deno.test("Turnstile tells nobody of addresses where they have no limit", () => {
  const gossip = new AddressGossip(new Counts());
  const turnstile = new Turnstile({ maxConnections: 10, maxPerAddress: Infinity }, gossip);
  assertEquals([turnstile.enter("a"), toldBy(gossip)], [undefined, []]);
});
