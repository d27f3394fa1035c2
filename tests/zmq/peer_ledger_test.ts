import { PeerLedger, type PeerSight } from "../../lib/zmq/peer_ledger.ts";
import type { PeerEvent } from "../../lib/zmq/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";

function joined(peer: string): PeerEvent {
  return { kind: "joined", peer };
}

function left(peer: string): PeerEvent {
  return { kind: "left", peer };
}

function refused(peer: string): PeerEvent {
  return { kind: "refused", peer, why: "not_allowed", reason: "no" };
}

function ledger(...events: readonly PeerEvent[]): PeerLedger {
  const made = new PeerLedger();
  for (const event of events) made.take(event);
  return made;
}

Deno.test("PeerLedger.sight() tells whether ranks of a host are there, were, or never were", () => {
  const rows: readonly (readonly [PeerLedger, host: string, connected: number, PeerSight])[] = [
    [ledger(), "10.0.0.1", 0, "never"],
    [ledger(), "prefill", 0, "never"],
    [ledger(joined("10.0.0.1:5")), "10.0.0.1", 1, "connected"],
    [ledger(joined("10.0.0.1:5"), left("10.0.0.1:5")), "10.0.0.1", 0, "left"],
    [
      ledger(joined("10.0.0.1:5"), joined("10.0.0.1:6"), left("10.0.0.1:5")),
      "10.0.0.1",
      1,
      "connected",
    ],
    [
      ledger(joined("10.0.0.1:5"), { kind: "rejected", peer: "10.0.0.1:5", reason: "large" }),
      "10.0.0.1",
      0,
      "left",
    ],
    [ledger(joined("10.0.0.2:5")), "10.0.0.1", 1, "elsewhere"],
    [ledger(joined("10.0.0.2:5"), left("10.0.0.2:5")), "10.0.0.1", 0, "never"],
    // Which of them are those of a name is not known.
    [ledger(joined("10.0.0.2:5")), "prefill", 1, "untold"],
    [ledger(joined("10.0.0.2:5"), left("10.0.0.2:5")), "prefill", 0, "left"],
    [ledger(refused("10.0.0.1:5")), "10.0.0.1", 0, "refused"],
    [ledger(refused("10.0.0.1:5"), joined("10.0.0.1:6")), "10.0.0.1", 1, "connected"],
    [ledger(joined("unknown")), "10.0.0.1", 1, "untold"],
    [ledger(joined("unknown"), left("unknown")), "10.0.0.1", 0, "left"],
    [ledger(joined("[fd00::1]:5")), "[fd00:0::1]", 1, "connected"],
    [ledger(joined("[::ffff:10.0.0.1]:5")), "10.0.0.1", 1, "connected"],
  ];
  for (const [at, [made, host, connected, sight]] of rows.entries()) {
    assertEquals(made.sight(host, connected), sight, `row ${at}`);
  }
});

Deno.test("PeerLedger.clear() has nobody connected, and remembers who was", () => {
  const made = ledger(joined("10.0.0.1:5"));
  made.clear();
  assertEquals(made.sight("10.0.0.1", 0), "left");
});

Deno.test("PeerLedger forgets the address longest unheard of, and none that is connected", () => {
  const made = ledger(joined("10.0.0.1:5"), refused("10.0.0.2:5"));
  for (let at = 0; at < 2_000; at++) made.take(refused(`10.1.${at >> 8}.${at & 255}:5`));
  assertEquals(made.size, 1_024);
  assertEquals(made.sight("10.0.0.1", 1), "connected");
  assert(made.sight("10.0.0.2", 1) !== "refused");
  assertEquals(made.sight("10.1.7.207", 1), "refused");
});
