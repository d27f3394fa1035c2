import { Lease, parseNetwork } from "../../lib/base/mod.ts";
import { PeerGate } from "../../lib/zmq/peer_gate.ts";
import { assertEquals, fail } from "../support/assert.ts";

const ALLOW = ["10.0.0.0/8", "fd00::/8"].flatMap((text) => parseNetwork(text) ?? []);

function lease(entered: ReturnType<PeerGate["enter"]>): Lease {
  return entered instanceof Lease ? entered : fail(entered);
}

Deno.test("PeerGate lets everybody in where nothing is said", () => {
  const gate = new PeerGate();
  for (let index = 0; index < 1000; index++) lease(gate.enter("192.0.2.1"));
  assertEquals(gate.size, 1);
});

Deno.test("PeerGate lets in who comes from where is allowed", () => {
  const gate = new PeerGate({ allow: ALLOW, maxPerAddress: Infinity });
  for (const address of ["10.1.2.3", "::ffff:10.1.2.3", "fd00::1", "fd00::1%eth0"]) {
    lease(gate.enter(address)).release();
  }
  for (const address of ["192.0.2.1", "::1", "fe80::1", "unknown", ""]) {
    assertEquals(gate.enter(address), "not_allowed");
  }
  assertEquals(gate.size, 0);
});

Deno.test("PeerGate counts connections of one address, however it is written", () => {
  const gate = new PeerGate({ allow: [], maxPerAddress: 2 });
  const first = lease(gate.enter("10.0.0.1"));
  const second = lease(gate.enter("::ffff:10.0.0.1"));
  assertEquals(gate.enter("10.0.0.1"), "per_address");
  const other = lease(gate.enter("10.0.0.2"));
  first.release();
  first.release();
  const third = lease(gate.enter("10.0.0.1"));
  assertEquals(gate.enter("10.0.0.1"), "per_address");
  for (const each of [second, third, other]) each.release();
  assertEquals(gate.size, 0);
});
