import { type NativeEvent, NativePeers } from "../../lib/zmq/native_peers.ts";
import type { PeerEvent } from "../../lib/zmq/mod.ts";
import { assertEquals } from "../support/assert.ts";

/** What `types` come to: the events told and the peers counted. */
function told(...events: readonly (string | NativeEvent)[]): readonly [string[], number] {
  const seen: string[] = [];
  const peers = new NativePeers((event: PeerEvent) => {
    assertEquals(event.peer, "unknown");
    seen.push(event.kind === "joined" ? "joined" : `${event.kind}: ${event.reason ?? ""}`);
  });
  for (const event of events) peers.take(typeof event === "string" ? { type: event } : event);
  return [seen, peers.count];
}

function failure(type: string, message: string, code: string): NativeEvent {
  return { type, error: Object.assign(new Error(message), { code }) };
}

const MISMATCH = failure("handshake:error:protocol", "ZMTP protocol error", "ERR_ZMTP_X");
const GONE = failure("handshake:error:other", "Broken pipe", "EPIPE");
const LATE = failure("handshake:error:other", "Operation was not possible", "EAGAIN");

Deno.test("NativePeers counts who has shaken hands until it has left", () => {
  assertEquals(told("bind", "accept", "handshake", "accept", "handshake"), [
    ["joined", "joined"],
    2,
  ]);
  assertEquals(told("accept", "handshake", "disconnect", "accept", "handshake", "close"), [
    ["joined", "left: ", "joined"],
    1,
  ]);
});

Deno.test("NativePeers tells a failed handshake from a peer that leaves", () => {
  const start = ["accept", "handshake", "accept"];
  assertEquals(told(...start, MISMATCH, "disconnect"), [
    ["joined", "rejected: no handshake: ZMTP protocol error"],
    1,
  ]);
  assertEquals(told(...start, LATE, "disconnect", "disconnect"), [
    ["joined", "rejected: no handshake within 10000 ms", "left: "],
    0,
  ]);
});

Deno.test("NativePeers says nothing of who comes and goes without a word", () => {
  assertEquals(told("accept", GONE, "disconnect"), [[], 0]);
  assertEquals(told("accept", "disconnect", "accept", "handshake"), [["joined"], 1]);
});

Deno.test("NativePeers tells that connections cannot be accepted", () => {
  assertEquals(told(failure("accept:error", "Too many open file descriptors", "EMFILE")), [
    ["rejected: cannot accept: Too many open file descriptors"],
    0,
  ]);
});

Deno.test("NativePeers takes what a filter turns away for refused, and nothing else", () => {
  const seen: string[] = [];
  const peers = new NativePeers(({ kind }) => seen.push(kind), true);
  for (const code of ["EAGAIN", "EINPROGRESS", "EMFILE", "ENOMEM"]) {
    peers.take(failure("accept:error", "Cannot accept", code));
  }
  peers.take(failure("handshake:error:protocol", "ZMTP protocol error", "ERR_ZMTP_X"));
  assertEquals(seen, ["refused", "refused", "rejected", "rejected", "rejected"]);
});
