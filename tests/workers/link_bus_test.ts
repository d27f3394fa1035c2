import { EVERYBODY, gossipBytes } from "../../lib/cluster/mod.ts";
import { LinkBus } from "../../lib/workers/link_bus.ts";
import { decodeUtf8 } from "../../lib/base/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { bytes } from "./support.ts";

function opened(): {
  readonly bus: LinkBus;
  readonly sent: readonly (readonly [urgency: string, text: string])[];
} {
  const sent: (readonly [string, string])[] = [];
  const send = (_kind: number, urgency: string, ...parts: readonly Uint8Array[]): void =>
    void sent.push([urgency, parts.map(decodeUtf8).join("")]);
  return {
    bus: new LinkBus({ send }, { number: 1, life: 1 }, [{ number: 2, life: 1, there: true }]),
    sent,
  };
}

Deno.test("LinkBus sends what may be dropped, and leaves out what is too long", () => {
  const { bus, sent } = opened();
  bus.send(bytes("load"));
  bus.send(new Uint8Array(64 * 1024 + 1));
  assertEquals([sent, bus.dropped], [[["loose", "load"]], 1]);
});

Deno.test("LinkBus tells of peers as lives: one that is started again is another", () => {
  const { bus } = opened();
  const told: string[] = [];
  bus.onPeer((peer, there) => told.push(`${peer} ${there}`));
  bus.tell({ number: 3, life: 1, there: true });
  bus.tell({ number: 2, life: 1, there: false });
  bus.tell({ number: 2, life: 2, there: true });
  bus.tell({ number: 3, life: 2, there: true });
  assertEquals(told, ["2.1 true", "3.1 true", "2.1 false", "2.2 true", "3.1 false", "3.2 true"]);
});

Deno.test("LinkBus hands messages on under the life of their sender, and none of one that has gone", async () => {
  const { bus } = opened();
  const got: string[] = [];
  bus.onMessage((from, message) => got.push(`${from} ${decodeUtf8(message)}`));
  bus.take(Uint8Array.of(2, ...bytes("a")));
  bus.take(Uint8Array.of(9, ...bytes("b")));
  bus.tell({ number: 2, life: 1, there: false });
  bus.take(Uint8Array.of(2, ...bytes("c")));
  assertEquals(got, ["2.1 a"]);
  await bus[Symbol.asyncDispose]();
  bus.tell({ number: 2, life: 2, there: true });
  bus.take(Uint8Array.of(2, ...bytes("d")));
  assertEquals(got, ["2.1 a"]);
});

Deno.test("LinkBus is known by its replica's tag in a cluster, and by another when that changes", () => {
  const own = { number: 1, life: 2 };
  const cluster = { tag: "abcdefgh", connected: true };
  const bus = new LinkBus({ send: () => {} }, own, [{ number: 2, life: 3, there: true }], cluster);
  assertEquals(bus.self, "abcdefgh.1.2");
  const met: unknown[] = [];
  bus.onPeer((peer, there) => void met.push([peer, there]));
  assertEquals(met, [["abcdefgh.2.3", true], [EVERYBODY, true]]);
  met.length = 0;
  bus.stand({ tag: "bbbbbbbb", connected: true });
  assertEquals([bus.self, met], ["bbbbbbbb.1.2", [
    ["abcdefgh.2.3", false],
    ["bbbbbbbb.2.3", true],
    [EVERYBODY, true],
  ]]);
  met.length = 0;
  bus.stand({ tag: "bbbbbbbb", connected: false });
  assertEquals([met, bus.cluster?.connected], [[], false]);
});

Deno.test("LinkBus hears routers of other replicas by their names", () => {
  const cluster = { tag: "abcdefgh", connected: true };
  const bus = new LinkBus({ send: () => {} }, { number: 1, life: 1 }, [], cluster);
  const heard: unknown[] = [];
  bus.onMessage((from, message) => void heard.push([from, [...message]]));
  bus.takeFar(gossipBytes("zyxwvuts.1.1", Uint8Array.of(4, 5)));
  bus.takeFar(Uint8Array.of(9, 9));
  assertEquals(heard, [["zyxwvuts.1.1", [4, 5]]]);
});
