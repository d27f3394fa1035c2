import { Push } from "zeromq";
import { systemClock } from "../../lib/base/mod.ts";
import { bindAddonPull } from "../../lib/zmq/addon_pull.ts";
import type { PeerEvent } from "../../lib/zmq/mod.ts";
import { assertEquals, assertRejects } from "../support/assert.ts";
import { Happenings, take, within } from "./support.ts";

const clock = systemClock();
const ANY = { host: "127.0.0.1", port: 0 } as const;

Deno.test("bindAddonPull() drops a message of many frames, and keeps its peer, whom it cannot name", async () => {
  const events = new Happenings<PeerEvent>();
  await using socket = await bindAddonPull(ANY, { clock, onPeer: events.add });
  const peer = new Push({ linger: 0 });
  try {
    peer.connect(socket.endpoint);
    await peer.send(Array.from({ length: 9 }, () => "x"));
    await peer.send(["y".repeat(4000), "y".repeat(97)]);
    await peer.send("good");
    const [frames] = await within(take(socket.frames(), 1), "the message");
    assertEquals(frames?.map((frame) => new TextDecoder().decode(frame)), ["good"]);
    await events.until("the peer has joined", ({ kind }) => kind === "joined");
    const rejected = events.all.filter(({ kind }) => kind !== "joined");
    assertEquals(rejected, [
      { kind: "rejected", peer: "unknown", reason: "dropped a message of over 8 frames" },
      { kind: "rejected", peer: "unknown", reason: "dropped a message of over 4096 bytes" },
    ]);
    assertEquals(socket.peers(), 1);
  } finally {
    peer.close();
  }
});

Deno.test("bindAddonPull() listens on the hosts that flags allow", async () => {
  const hosts = [["*", "0.0.0.0"], ["localhost", "127.0.0.1"], ["127.0.0.1", "127.0.0.1"]] as const;
  for (const [host, bound] of hosts) {
    await using socket = await bindAddonPull({ host, port: 0 }, { clock });
    assertEquals(socket.endpoint, `tcp://${bound}:${socket.port}`);
  }
});

Deno.test("bindAddonPull() leaves nothing behind when it cannot bind", async () => {
  await using first = await bindAddonPull(ANY, { clock });
  for (let round = 0; round < 3; round++) {
    const binding = (): Promise<unknown> => bindAddonPull({ ...ANY, port: first.port }, { clock });
    await assertRejects(binding, Error, "address already in use");
  }
});
