import { ClusterBus } from "../../lib/cluster/cluster_bus.ts";
import { assertEquals } from "../support/assert.ts";

Deno.test("ClusterBus speaks in the name that the replica has at the moment", () => {
  const told: (readonly [string, number])[] = [];
  const cluster = {
    tag: "abcdefgh",
    connected: true,
    tell: (from: string, { length }: Uint8Array) => void told.push([from, length]),
  };
  const bus = new ClusterBus(cluster);
  bus.send(new Uint8Array(3));
  cluster.tag = "bbbbbbbb";
  bus.send(new Uint8Array(4));
  assertEquals([told, bus.self], [[["abcdefgh", 3], ["bbbbbbbb", 4]], "bbbbbbbb"]);
});

Deno.test("ClusterBus has all told to whoever is there when it is connected, and only then", async () => {
  const cluster = { tag: "abcdefgh", connected: false, tell: () => {} };
  const bus = new ClusterBus(cluster);
  const heard: unknown[] = [];
  bus.onPeer((_peer, there) => void heard.push(there));
  bus.onMessage((from, message) => void heard.push([from, message.length]));
  bus.changed();
  assertEquals(heard, []);
  cluster.connected = true;
  bus.changed();
  bus.take("bbbbbbbb", new Uint8Array(2));
  await bus[Symbol.asyncDispose]();
  bus.changed();
  bus.take("bbbbbbbb", new Uint8Array(2));
  assertEquals(heard, [true, ["bbbbbbbb", 2]]);
});
