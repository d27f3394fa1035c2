import type { Engine } from "../../lib/base/mod.ts";
import { seededRandom, silentLogger } from "../../lib/base/mod.ts";
import { KvWatch } from "../../lib/kv_events/mod.ts";
import type { ZmtpAddress } from "../../lib/zmq/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { FakeClock, settle } from "../support/fake_clock.ts";
import { EVENTS, FakePublisher, REPLAY } from "./fake_publisher.ts";

const IDS = Int32Array.from({ length: 9 }, (_, at) => at);

function engineOf(more: Partial<Engine> = {}): Engine {
  return {
    id: "one",
    url: "http://10.0.0.9:8000",
    role: "any",
    models: ["m"],
    kv: "none",
    kvEvents: { events: EVENTS, replay: REPLAY, topic: "", ranks: 1 },
    ...more,
  };
}

class Setup implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly publisher = new FakePublisher();
  readonly dialled: number[] = [];
  readonly watch: KvWatch;

  constructor() {
    this.watch = new KvWatch({ maxBytes: 64 * 1024, seed: 7 }, {
      clock: this.clock,
      random: seededRandom(1),
      log: silentLogger(),
      dial: (address: ZmtpAddress, signal) => {
        this.dialled.push(address.port);
        return this.publisher.dial(address, signal);
      },
      breather: { tired: () => false, pause: () => Promise.resolve() },
      onEvents: () => {},
      onGap: () => {},
    });
    this.publisher.publish(["BlockStored", [1n, 2n], null, [...IDS.subarray(0, 8)], 4, null]);
  }

  cachedAt(id = "one"): number | undefined {
    return this.watch.cachedAt(this.watch.prompt(IDS, {}), id);
  }

  async turn(): Promise<void> {
    for (let turn = 0; turn < 20; turn++) await settle();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.watch[Symbol.asyncDispose]();
    assertEquals(this.clock.pending, 0);
  }
}

Deno.test("KvWatch.cachedAt() tells of an engine from its arrival to its removal", async () => {
  await using setup = new Setup();
  const { watch } = setup;
  assertEquals(setup.cachedAt(), undefined);
  watch.follow({ kind: "added", engine: engineOf() });
  assertEquals(setup.cachedAt(), undefined);
  await setup.turn();
  assertEquals([setup.cachedAt(), watch.feeds], [8, { followed: 1, known: 1 }]);
  watch.follow({ kind: "changed", engine: engineOf({ models: ["m", "other"] }) });
  await setup.turn();
  assertEquals([setup.cachedAt(), setup.dialled], [8, [5557, 5558]]);
  watch.follow({ kind: "removed", engine: engineOf() });
  await setup.turn();
  assertEquals([setup.cachedAt(), watch.feeds.followed], [undefined, 0]);
  assertEquals(watch.index.blocks.held > 0, true, "swept with the next event");
});

Deno.test("KvWatch follows an engine anew where it publishes elsewhere", async () => {
  await using setup = new Setup();
  const { watch } = setup;
  watch.follow({ kind: "added", engine: engineOf() });
  await setup.turn();
  const elsewhere = { events: { host: "10.0.0.9", port: 6000 }, topic: "", ranks: 1 };
  watch.follow({ kind: "changed", engine: engineOf({ kvEvents: elsewhere }) });
  await setup.turn();
  assertEquals([setup.cachedAt(), setup.dialled.at(-1)], [undefined, 6000]);
});

Deno.test("KvWatch follows no decode engine, and none that publishes nothing", async () => {
  await using setup = new Setup();
  const { kvEvents: _, ...silent } = engineOf({ id: "two" });
  setup.watch.follow({ kind: "added", engine: engineOf({ role: "decode" }) });
  setup.watch.follow({ kind: "added", engine: silent });
  await setup.turn();
  assertEquals([setup.dialled, setup.cachedAt(), setup.cachedAt("two")], [
    [],
    undefined,
    undefined,
  ]);
});

Deno.test("KvWatch.cachedAt() tells what a rank has on average, each at a port of its own", async () => {
  await using setup = new Setup();
  const ranks = { events: EVENTS, topic: "", ranks: 4 };
  // Of the four, the second finds no publisher: its port is that of replays here.
  setup.watch.follow({ kind: "added", engine: engineOf({ kvEvents: ranks }) });
  await setup.turn();
  assertEquals(setup.dialled.slice(0, 4), [5557, 5558, 5559, 5560]);
  setup.publisher.publish(["BlockStored", [1n, 2n], null, [...IDS.subarray(0, 8)], 4, null]);
  await setup.turn();
  assertEquals(setup.cachedAt(), 2);
});
