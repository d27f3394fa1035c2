import { PeerTable } from "../../lib/gossip/peer_table.ts";
import { assertEquals } from "../support/assert.ts";
import { Heard, IDLE, loadOf, useOf } from "./support.ts";

/** A table that has told all there is: nothing. */
function tableOf(heard: Heard): PeerTable {
  const table = new PeerTable(heard, "p");
  table.begin();
  table.end();
  return table;
}

Deno.test("PeerTable adds loads to the sums of their engines, and takes them away", () => {
  const heard = new Heard();
  const [one, other] = [tableOf(heard), tableOf(heard)];
  one.name(0, "a");
  one.load(0, loadOf({ inflight: 2, seats: 1 }));
  other.name(5, "a");
  other.load(5, loadOf({ inflight: 1, promptTokens: 8 }));
  assertEquals(heard.at("a"), loadOf({ inflight: 3, seats: 1, promptTokens: 8 }));
  one.load(0, loadOf({ inflight: 1 }));
  assertEquals(heard.at("a"), loadOf({ inflight: 2, promptTokens: 8 }));
  one.drop(0);
  other.forget();
  assertEquals([heard.at("a"), heard.engines.size], [IDLE, 0]);
});

Deno.test("PeerTable.end() has nothing hold that was not told again", () => {
  const heard = new Heard();
  const table = tableOf(heard);
  table.name(0, "a");
  table.load(0, loadOf({ inflight: 2 }));
  table.name(1, "b");
  table.load(1, loadOf({ inflight: 3 }));
  table.key("k", useOf({ running: 1 }));
  table.address("x", 2);
  table.begin();
  table.name(0, "a");
  assertEquals(heard.at("a").inflight, 2, "it holds until all has been told");
  table.end();
  assertEquals([heard.at("a"), heard.at("b")], [IDLE, IDLE]);
  assertEquals([heard.running.size, heard.addresses.size, table.size], [0, 0, 1]);
});

Deno.test("PeerTable gives a number to another engine", () => {
  const heard = new Heard();
  const table = tableOf(heard);
  table.name(0, "a");
  table.load(0, loadOf({ seats: 2 }));
  table.name(0, "b");
  assertEquals([heard.at("a"), heard.at("b")], [IDLE, IDLE]);
  table.load(0, loadOf({ seats: 1 }));
  assertEquals(heard.at("b").seats, 1);
});

Deno.test("PeerTable is broken by a number that nobody has, until all is told", () => {
  for (const tell of ["load", "verdict", "pair"] as const) {
    const heard = new Heard();
    const table = tableOf(heard);
    const verdict = { version: 1, author: "0" };
    if (tell === "load") table.load(3, loadOf());
    else if (tell === "verdict") table.verdict(3, verdict);
    else table.pair(3, 4, verdict);
    assertEquals([table.broken, heard.told], [true, []], tell);
    table.begin();
    assertEquals(table.broken, false);
  }
});

Deno.test("PeerTable hands verdicts on, and that an engine is silent, once", () => {
  const heard = new Heard();
  const table = tableOf(heard);
  const verdict = { version: 1, author: "0" };
  table.name(0, "a");
  table.name(1, "b");
  table.verdict(0, verdict);
  table.pair(0, 1, verdict);
  for (const silent of [true, true, false, true]) table.load(0, loadOf({ silent }));
  assertEquals(heard.told, [
    ["verdict", "a", verdict],
    ["pair", "a", "b", verdict],
    ["silent", "a"],
    ["silent", "a"],
  ]);
});

Deno.test("PeerTable tells on which side a peer has an engine, when it is another", () => {
  const heard = new Heard();
  const table = tableOf(heard);
  table.name(0, "a");
  for (const side of ["decode", "decode", "prefill", undefined, "prefill"] as const) {
    table.load(0, loadOf({ side }));
  }
  assertEquals(heard.told, [
    ["side", "a", "decode", "p"],
    ["side", "a", "prefill", "p"],
    ["side", "a", "prefill", "p"],
  ]);
});

Deno.test("PeerTable.key() tells what was used since, and of what was used before when all is told", () => {
  const heard = new Heard();
  const table = new PeerTable(heard, "p");
  table.begin();
  table.key("k", useOf({ running: 1, requests: 10, tokens: 100, tokensResetMs: 7 }));
  table.end();
  assertEquals([heard.told.splice(0), heard.running.of("k")], [[["resets", "k", 0, 7]], 1]);
  table.key("k", useOf({ running: 3, requests: 12, tokens: 90 }));
  // It had told all, and nothing of this one.
  table.key("j", useOf({ running: 1, requests: 1, tokens: 5 }));
  assertEquals(heard.told.splice(0), [["used", "k", 2, -10], ["used", "j", 1, 5]]);
  assertEquals([heard.running.of("k"), heard.running.of("j")], [3, 1]);
  table.forget();
  assertEquals([heard.running.size, heard.told], [0, []]);
});

Deno.test("PeerTable.address() counts connections by address", () => {
  const heard = new Heard();
  const [one, other] = [tableOf(heard), tableOf(heard)];
  one.address("x", 2);
  other.address("x", 1);
  one.address("x", 1);
  assertEquals(heard.addresses.of("x"), 2);
  one.address("x", 0);
  other.forget();
  assertEquals(heard.addresses.size, 0);
});
