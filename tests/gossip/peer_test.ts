import { Peer } from "../../lib/gossip/peer.ts";
import { assertEquals } from "../support/assert.ts";
import { Heard, IDLE, loadOf } from "./support.ts";

type Update = Parameters<Peer["place"]>[0];

function update(number: number, more: Partial<Update> = {}): Update {
  return { kind: "update", life: 1, number, first: false, last: false, settled: false, ...more };
}

/** Have a peer hear an update with a load of engine "a", where it takes any. */
function hear(peer: Peer, head: Update, inflight = 1): string {
  const standing = peer.place(head);
  if (standing !== "old" && peer.takes) {
    if (head.first) peer.table.name(0, "a");
    peer.table.load(0, loadOf({ inflight }));
    peer.took(head);
  }
  return `${standing}${peer.missing ? " missing" : ""}`;
}

const ALL = { first: true, last: true };

Deno.test("Peer takes all that holds, and then what follows without a gap", () => {
  const heard = new Heard();
  const peer = new Peer(heard, "p", 0);
  assertEquals(hear(peer, update(4)), "gap missing");
  assertEquals(heard.at("a"), IDLE, "what stands for what is not known");
  assertEquals(hear(peer, update(5, ALL), 3), "next");
  assertEquals(hear(peer, update(6), 4), "next");
  assertEquals(heard.at("a").inflight, 4);
});

Deno.test("Peer takes nothing twice", () => {
  const heard = new Heard();
  const peer = new Peer(heard, "p", 0);
  hear(peer, update(1, ALL), 3);
  hear(peer, update(2), 4);
  assertEquals([hear(peer, update(1, ALL), 9), hear(peer, update(2), 9)], ["old", "old"]);
  assertEquals(heard.at("a").inflight, 4);
});

Deno.test("Peer keeps what it has behind a gap, and takes nothing until all is told", () => {
  const heard = new Heard();
  const peer = new Peer(heard, "p", 0);
  hear(peer, update(1, ALL), 3);
  assertEquals(hear(peer, update(3), 9), "gap missing");
  assertEquals(hear(peer, update(4), 9), "next missing");
  assertEquals(heard.at("a").inflight, 3);
  // One that is late says nothing any more.
  assertEquals(hear(peer, update(2), 9), "old missing");
  assertEquals(hear(peer, update(9, ALL), 5), "gap");
  assertEquals(heard.at("a").inflight, 5);
});

Deno.test("Peer is told all in several messages, and misses it where one of them is lost", () => {
  const heard = new Heard();
  const peer = new Peer(heard, "p", 0);
  assertEquals(hear(peer, update(1, { first: true }), 1), "next");
  assertEquals(hear(peer, update(3, { last: true }), 2), "gap missing");
  assertEquals(hear(peer, update(4, { first: true }), 1), "next");
  assertEquals(hear(peer, update(5), 2), "next");
  assertEquals(hear(peer, update(6, { last: true }), 3), "next");
  assertEquals(heard.at("a").inflight, 3);
});

Deno.test("Peer forgets a life when another begins, and hears nothing more of it", () => {
  const heard = new Heard();
  const peer = new Peer(heard, "p", 0);
  hear(peer, update(1, ALL), 3);
  assertEquals(hear(peer, update(8, { life: 2 })), "gap missing");
  assertEquals([heard.at("a"), heard.engines.size], [IDLE, 0]);
  assertEquals(hear(peer, update(2), 9), "old missing");
  assertEquals(hear(peer, update(9, { life: 2, ...ALL }), 5), "next");
  assertEquals(heard.at("a").inflight, 5);
  peer.forget();
  assertEquals(heard.at("a"), IDLE);
});

Deno.test("Peer misses something where a number means nothing", () => {
  const peer = new Peer(new Heard(), "p", 0);
  peer.place(update(1, ALL));
  peer.took(update(1, ALL));
  peer.place(update(2));
  peer.table.load(77, loadOf());
  peer.took(update(2));
  assertEquals(peer.missing, true);
});
