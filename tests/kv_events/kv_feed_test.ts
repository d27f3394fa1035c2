import { seededRandom } from "../../lib/base/mod.ts";
import { KvFeed } from "../../lib/kv_events/kv_feed.ts";
import { KvIndex } from "../../lib/kv_events/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { FakeClock, settle } from "../support/fake_clock.ts";
import { keepingLogger } from "../zmq/support.ts";
import { EVENTS, FakePublisher, REPLAY } from "./fake_publisher.ts";

const SIZE = 4;

function stored(name: number, parent?: number): unknown {
  const token_ids = Array.from({ length: SIZE }, (_, at) => 100 * name + at);
  return {
    type: "BlockStored",
    block_hashes: [BigInt(name)],
    parent_block_hash: parent === undefined ? null : BigInt(parent),
    token_ids,
    block_size: SIZE,
    lora_id: null,
    medium: "GPU",
    lora_name: null,
  };
}

function removed(name: number): unknown {
  return { type: "BlockRemoved", block_hashes: [BigInt(name)], medium: "GPU" };
}

class Setup implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly publisher = new FakePublisher();
  readonly events: Record<string, number> = {};
  readonly gaps: string[] = [];
  readonly index = new KvIndex({ maxBytes: 64 * 1024, seed: 7 });
  readonly cache = this.index.open();
  readonly kept = keepingLogger(this.clock);
  readonly feed: KvFeed;

  constructor(replay = true) {
    const source = { events: EVENTS, replay: replay ? REPLAY : undefined, topic: "kv" };
    this.feed = new KvFeed(source, this.cache, {
      clock: this.clock,
      random: seededRandom(1),
      log: this.kept.log,
      dial: this.publisher.dial,
      breather: { tired: () => false, pause: () => Promise.resolve() },
      onEvents: (result, count) => this.events[result] = (this.events[result] ?? 0) + count,
      onGap: (result) => this.gaps.push(result),
    });
  }

  /** Let all that was sent be read. */
  async turn(ms = 0): Promise<void> {
    for (let turn = 0; turn < 20; turn++) await settle();
    if (ms > 0) await this.clock.advance(ms);
    for (let turn = 0; turn < 20; turn++) await settle();
  }

  /** Which of the names below ten are cached, each as a prompt of its own. */
  cached(): number[] {
    return Array.from({ length: 10 }, (_, name) => name).filter((name) => {
      const ids = Int32Array.from({ length: SIZE + 1 }, (_, at) => 100 * name + at);
      return this.index.prompt(ids).cachedIn(this.cache) > 0;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.feed[Symbol.asyncDispose]();
    assertEquals(this.clock.pending, 0);
    assertEquals(this.cached(), []);
  }
}

Deno.test("KvFeed knows what was published before it came, and what comes", async () => {
  await using setup = new Setup();
  const { publisher, feed } = setup;
  publisher.publish(stored(1), stored(2));
  publisher.publish(removed(1));
  await setup.turn();
  assertEquals([setup.cached(), feed.known, publisher.asked], [[2], true, [0]]);
  publisher.publish(stored(3));
  publisher.publish({ type: "Unknown" }, ["BlockStored", 1]);
  await setup.turn();
  assertEquals(setup.cached(), [2, 3]);
  assertEquals(setup.events, { applied: 4, ignored: 1, malformed: 1, orphaned: 0 });
  assertEquals(setup.gaps, []);
});

Deno.test("KvFeed has missed batches told again", async () => {
  await using setup = new Setup();
  const { publisher } = setup;
  publisher.publish(stored(1));
  await setup.turn();
  publisher.loses = true;
  publisher.publish(removed(1));
  publisher.publish(stored(2));
  publisher.loses = false;
  publisher.publish(stored(3));
  await setup.turn();
  assertEquals([setup.cached(), setup.gaps, publisher.asked], [[2, 3], ["replayed"], [0, 1]]);
});

Deno.test("KvFeed asks again where a replay has holes", async () => {
  await using setup = new Setup();
  const { publisher } = setup;
  for (let name = 0; name < 10; name++) publisher.publish(stored(name));
  publisher.room = 3;
  await setup.turn();
  await setup.turn();
  assertEquals(setup.cached().length, 10);
  assertEquals(publisher.asked, [0, 3, 6, 9]);
});

Deno.test("KvFeed forgets all where missed batches are kept no more, and goes on from those that are", async () => {
  await using setup = new Setup();
  const { publisher } = setup;
  publisher.publish(stored(1));
  publisher.publish(stored(2));
  await setup.turn();
  publisher.keeps = 2;
  publisher.loses = true;
  for (const name of [3, 4, 5]) publisher.publish(stored(name));
  publisher.loses = false;
  publisher.publish(stored(6));
  await setup.turn();
  assertEquals([setup.cached(), setup.gaps], [[5, 6], ["cut"]]);
});

for (const replay of [true, false]) {
  Deno.test(`KvFeed forgets all where a gap cannot be filled, ${replay ? "refused" : "without a socket"}`, async () => {
    await using setup = new Setup(replay);
    const { publisher } = setup;
    publisher.refusesReplays = true;
    await setup.turn();
    publisher.publish(stored(1));
    await setup.turn();
    assertEquals(setup.cached(), [1]);
    publisher.loses = true;
    publisher.publish(removed(1));
    publisher.loses = false;
    publisher.publish(stored(2));
    await setup.turn();
    assertEquals([setup.cached(), setup.gaps], [[2], ["lost"]]);
  });
}

Deno.test("KvFeed finds an engine that was started anew by its last batch", async () => {
  await using setup = new Setup();
  const { publisher, feed } = setup;
  for (const name of [1, 2]) publisher.publish(stored(name));
  await setup.turn();
  publisher.restart();
  // As many batches as before, so that numbers alone tell nothing.
  for (const name of [3, 4]) publisher.publish(stored(name));
  await setup.turn();
  assertEquals(feed.known, false);
  await setup.turn(1_000);
  assertEquals([setup.cached(), feed.known, publisher.asked], [[3, 4], true, [0, 1, 0]]);
});

Deno.test("KvFeed forgets an engine that was started anew and has published nothing", async () => {
  await using setup = new Setup();
  const { publisher, feed } = setup;
  publisher.publish(stored(1));
  await setup.turn();
  publisher.restart();
  await setup.turn(1_000);
  assertEquals([setup.cached(), feed.known], [[], true]);
});

Deno.test("KvFeed keeps what it knows over a connection that broke, and has the rest told", async () => {
  await using setup = new Setup();
  const { publisher } = setup;
  publisher.publish(stored(1));
  await setup.turn();
  publisher.disconnect();
  publisher.publish(stored(2));
  await setup.turn(1_000);
  assertEquals([setup.cached(), setup.gaps, publisher.asked], [[1, 2], ["replayed"], [0, 0]]);
});

Deno.test("KvFeed forgets all with its connection where nothing can be told again", async () => {
  await using setup = new Setup(false);
  const { publisher, feed } = setup;
  await setup.turn();
  publisher.publish(stored(1));
  await setup.turn();
  assertEquals([setup.cached(), feed.known], [[1], true]);
  publisher.disconnect();
  await setup.turn();
  assertEquals([setup.cached(), feed.known], [[], false]);
});

Deno.test("KvFeed takes numbers that go back for another engine behind one connection", async () => {
  await using setup = new Setup(false);
  const { publisher } = setup;
  await setup.turn();
  for (const name of [1, 2]) publisher.publish(stored(name));
  await setup.turn();
  publisher.restart({ connected: true });
  publisher.publish(stored(3));
  await setup.turn();
  assertEquals(setup.cached(), [3]);
});

Deno.test("KvFeed forgets all with a batch that it cannot read, and goes on", async () => {
  await using setup = new Setup();
  const { publisher } = setup;
  publisher.publish(stored(1));
  await setup.turn();
  publisher.publishRaw(Uint8Array.of(0xc1));
  publisher.publish(stored(2));
  publisher.publish(stored(3, 9));
  await setup.turn();
  assertEquals(setup.cached(), [2]);
  assertEquals([setup.events["malformed"], setup.events["orphaned"]], [1, 1]);
});

Deno.test("KvFeed says once that it cannot follow, and that it does", async () => {
  await using setup = new Setup();
  const { publisher, kept } = setup;
  await setup.turn();
  for (let round = 0; round < 3; round++) {
    publisher.disconnect();
    await setup.turn(2_000);
  }
  const lines = kept.lines.filter((line) => !line.includes("DEBUG"));
  assertEquals(lines.filter((line) => line.includes("Cannot follow")).length, 3);
  assertEquals(lines.filter((line) => line.includes("Following")).length, 4);
  assert(lines.every((line) => line.includes("tcp://10.0.0.9:5557")), lines.join("\n"));
});

for (let seed = 1; seed <= 20; seed++) {
  Deno.test(`KvFeed knows no more than its engine has, whatever is lost, seed ${seed}`, async () => {
    const random = seededRandom(seed);
    await using setup = new Setup(seed % 4 !== 0);
    const { publisher, feed } = setup;
    const truth = new Set<number>();
    publisher.keeps = 6;
    const told: number[] = [];
    await setup.turn();
    for (let round = 0; round < 150; round++) {
      const chance = random.next();
      publisher.refusesReplays = random.next() < 0.1;
      publisher.room = random.next() < 0.2 ? 2 : Infinity;
      publisher.loses = chance < 0.15;
      const name = Math.floor(random.next() * 10);
      if (chance > 0.95) {
        publisher.restart();
        truth.clear();
      } else if (chance > 0.92) publisher.disconnect();
      else if (chance > 0.9) {
        publisher.publish({ type: "AllBlocksCleared" });
        truth.clear();
      } else if (truth.has(name)) {
        publisher.publish(removed(name));
        truth.delete(name);
      } else {
        publisher.publish(stored(name));
        truth.add(name);
      }
      if (random.next() < 0.3) {
        // A batch that arrives tells of those before it.
        publisher.loses = false;
        publisher.publish();
        publisher.refusesReplays = false;
        await setup.turn(30_000);
        // It was told to nobody where the connection was not there.
        publisher.publish();
        await setup.turn();
        assert(feed.known, `round ${round}`);
        for (const cached of setup.cached()) assert(truth.has(cached), `round ${round}: ${cached}`);
        told.push(setup.cached().length);
      }
    }
    assert(told.some((count) => count > 0), "something was known");
  });
}
