import { Push } from "zeromq";
import { type Network, parseNetwork, systemClock } from "../../lib/base/mod.ts";
import { acceptFilters, bindAddonPull } from "../../lib/zmq/addon_pull.ts";
import type { PeerEvent } from "../../lib/zmq/mod.ts";
import { assertEquals, assertRejects } from "../support/assert.ts";
import { Happenings, take, within } from "./support.ts";

const clock = systemClock();
function networks(texts: readonly string[]): readonly Network[] {
  return texts.flatMap((text) => parseNetwork(text) ?? []);
}

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

const FILTERS:
  readonly (readonly [host: string, allow: readonly string[], filters: readonly string[]])[] = [
    ["0.0.0.0", [], []],
    ["0.0.0.0", ["10.0.0.0/8", "192.0.2.1"], ["10.0.0.0/8", "192.0.2.1/32"]],
    ["0.0.0.0", ["fd00::/8", "10.0.0.0/8"], ["10.0.0.0/8"]],
    ["0.0.0.0", ["fd00::/8"], ["255.255.255.255/32"]],
    ["::", ["fd00::/8", "10.0.0.0/8"], ["fd00::/8", "::ffff:10.0.0.0/104"]],
  ];

for (const [host, allow, filters] of FILTERS) {
  Deno.test(`acceptFilters() of [${allow}] on ${host}`, () => {
    assertEquals(acceptFilters(networks(allow), host), filters);
  });
}

/** Whether a peer that connects to `endpoint` is let in. */
async function letsIn(allow: readonly string[], host: string, to: string): Promise<boolean> {
  const events = new Happenings<PeerEvent>();
  const peers = { allow: networks(allow), maxPerAddress: Infinity };
  await using socket = await bindAddonPull({ host, port: 0 }, { clock, onPeer: events.add, peers });
  const peer = new Push({ linger: 0, ipv6: to.includes(":") });
  try {
    peer.connect(`tcp://${to}:${socket.port}`);
    await events.until("a word of the peer", ({ kind }) => kind === "joined" || kind === "refused");
    return events.all.some(({ kind }) => kind === "joined");
  } finally {
    peer.close();
  }
}

Deno.test("bindAddonPull() lets in peers of the networks that are allowed", async () => {
  const rows = [
    [[], "127.0.0.1", "127.0.0.1", true],
    [["127.0.0.0/8"], "127.0.0.1", "127.0.0.1", true],
    [["10.0.0.0/8"], "127.0.0.1", "127.0.0.1", false],
    [["fd00::/8"], "127.0.0.1", "127.0.0.1", false],
    [["0.0.0.0/0"], "127.0.0.1", "127.0.0.1", true],
    [["10.0.0.0/8"], "::1", "[::1]", false],
    [["::1", "10.0.0.0/8"], "::1", "[::1]", true],
    [["10.0.0.0/8"], "::", "127.0.0.1", false],
    [["127.0.0.0/8"], "::", "127.0.0.1", true],
  ] as const;
  for (const [allow, host, to, fine] of rows) {
    assertEquals(await letsIn(allow, host, to), fine, `${allow} on ${host}`);
  }
});
