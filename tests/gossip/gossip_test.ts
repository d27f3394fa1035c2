import { MAX_PEERS, SETTLED_MS, SIGN_MS, SILENT_MS } from "../../lib/gossip/gossip.ts";
import { writeAsk } from "../../lib/gossip/message.ts";
import { TELL_MS, URGENT_MS } from "../../lib/gossip/pace.ts";
import { WireWriter } from "../../lib/gossip/wire.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { settle } from "../support/fake_clock.ts";
import { World } from "./world.ts";

/** Two routers that know each other. */
async function pair(): Promise<
  { world: World; a: ReturnType<World["add"]>; b: ReturnType<World["add"]> }
> {
  const world = new World();
  const [a, b] = [world.add("a"), world.add("b")];
  await world.clock.advance(500);
  return { world, a, b };
}

Deno.test("Gossip tells what is under way within 100 ms", async () => {
  const { world, a, b } = await pair();
  using _world = world;
  a.load("e", { inflight: 2, promptTokens: 100, seats: 3, transfers: 1, kvBytes: 4_096 });
  await world.clock.advance(TELL_MS);
  const { inflight, promptTokens, seats, transfers, kvBytes } = b.at("e");
  assertEquals([inflight, promptTokens, seats, transfers, kvBytes], [2, 100, 3, 1, 4_096]);
  assert(TELL_MS <= 100);
  a.load("e", {});
  await world.clock.advance(TELL_MS);
  assertEquals(b.at("e").inflight, 0);
});

Deno.test("Gossip tells what is urgent at once, but not more often than it may", async () => {
  const { world, a, b } = await pair();
  using _world = world;
  await world.clock.advance(TELL_MS / 2);
  a.judge("e");
  await world.clock.advance(URGENT_MS);
  assertEquals(b.verdicts.get("e"), { version: 1, author: "a" });
  const before = world.hub.sent;
  for (let turn = 0; turn < 100; turn++) {
    a.judge("e");
    await world.clock.advance(1);
  }
  assert(world.hub.sent - before <= 100 / URGENT_MS + 2, `${world.hub.sent - before} messages`);
  await world.clock.advance(URGENT_MS);
  assertEquals(b.verdicts.get("e")?.version, 101);
});

Deno.test("Gossip says nothing but that it lives where nothing changes", async () => {
  const { world, a } = await pair();
  using _world = world;
  a.load("e", { inflight: 7 });
  await world.clock.advance(2_000);
  const before = world.hub.sent;
  const { sentBytes } = a.gossip.stats;
  await world.clock.advance(10 * SIGN_MS);
  assert(world.hub.sent - before <= 20, `${world.hub.sent - before} messages of two routers`);
  assert(a.gossip.stats.sentBytes - sentBytes <= 10 * 20, "and short ones");
});

Deno.test("Gossip tells one that comes later all that holds", async () => {
  const { world, a, b } = await pair();
  using _world = world;
  a.load("e", { inflight: 2 });
  b.load("e", { inflight: 3, seats: 4 });
  a.judge("e+f");
  a.connect("10.0.0.1", 5);
  b.spend(3);
  await world.clock.advance(1_000);
  const late = world.add("late");
  await world.clock.advance(2 * TELL_MS);
  assertEquals([late.at("e").inflight, late.at("e").seats], [5, 4]);
  assertEquals(late.verdicts.get("e+f"), { version: 1, author: "a" });
  assertEquals([late.addresses.of("10.0.0.1"), late.usedByAll], [5, 3]);
  assertEquals([...late.gossip.peers].sort(), ["a", "b"]);
});

Deno.test("Gossip forgets a peer that is silent, with all that it has told but verdicts", async () => {
  const world = new World({ carry: (_from, _to, deliver) => deliver(), tells: false });
  using _world = world;
  const [a, b] = [world.add("a"), world.add("b")];
  a.load("e", { inflight: 2, seats: 2 });
  a.connect("10.0.0.1", 5);
  a.judge("e");
  await world.clock.advance(500);
  assertEquals([b.at("e").seats, b.gossip.routers], [2, 2]);
  world.kill("a");
  await world.clock.advance(SILENT_MS - 600);
  assertEquals([b.at("e").seats, b.gone], [2, []]);
  await world.clock.advance(700);
  assertEquals([b.at("e").seats, b.addresses.size, b.gossip.routers], [0, 0, 1]);
  assertEquals([b.gone, b.gossip.stats.silent], [["a"], 1]);
  assertEquals(b.verdicts.get("e")?.author, "a");
  a.gossip[Symbol.dispose]();
});

Deno.test("Gossip forgets a peer at once that takes leave, or that the bus says has gone", async () => {
  const { world, a, b } = await pair();
  using _world = world;
  const c = world.add("c");
  for (const node of [a, c]) node.load("e", { seats: 1 });
  await world.clock.advance(300);
  assertEquals(b.at("e").seats, 2);
  a.gossip[Symbol.dispose]();
  await settle();
  assertEquals([b.at("e").seats, b.gone], [1, ["a"]]);
  world.kill("c");
  assertEquals([b.at("e").seats, b.gone], [0, ["a", "c"]]);
  c.gossip[Symbol.dispose]();
});

Deno.test("Gossip takes a router for another that begins anew under its name", async () => {
  const { world, a, b } = await pair();
  using _world = world;
  a.load("e", { inflight: 9 });
  await world.clock.advance(300);
  world.kill("a");
  const again = world.add("a");
  again.load("e", { inflight: 1 });
  await world.clock.advance(300);
  assertEquals([b.at("e").inflight, b.gossip.routers], [1, 2]);
  a.gossip[Symbol.dispose]();
});

Deno.test("Gossip asks for what was lost, until it has it", async () => {
  let lost = 0;
  let losing = false;
  const world = new World({
    carry(from, to, deliver) {
      if (losing && from === "a" && to === "b") lost++;
      else deliver();
    },
  });
  using _world = world;
  const [a, b] = [world.add("a"), world.add("b")];
  await world.clock.advance(500);
  losing = true;
  a.load("e", { inflight: 2 });
  await world.clock.advance(TELL_MS);
  losing = false;
  assertEquals([lost > 0, b.at("e").inflight], [true, 0]);
  // The next message shows that one was lost, be it a sign of life.
  await world.clock.advance(SIGN_MS + 500);
  assertEquals([b.at("e").inflight, b.gossip.stats.gaps > 0], [2, true]);
});

Deno.test("Gossip forgets nobody because it stood still itself", async () => {
  const { world, b } = await pair();
  using _world = world;
  // As after a long pause: all timers are late, and whoever has spoken meanwhile has not been heard yet.
  const late = { now: 0 };
  const stopped = new World();
  using _stopped = stopped;
  const one = stopped.add("one");
  const other = stopped.add("other");
  await stopped.clock.advance(500);
  const now = stopped.clock.now.bind(stopped.clock);
  stopped.clock.now = () => now() + late.now;
  late.now = 10 * SILENT_MS;
  await stopped.clock.advance(TELL_MS);
  assertEquals([one.gone, other.gone, b.gone], [[], [], []]);
  assertEquals(one.gossip.routers, 2);
});

Deno.test("Gossip refuses what is no message, and peers beyond its bound", async () => {
  const { world, b } = await pair();
  using _world = world;
  const noise = world.hub.join("noise");
  noise.send(new Uint8Array([1, 2, 3, 4]));
  noise.send(new Uint8Array(0));
  await settle();
  assertEquals(b.gossip.stats.refused, 2);
  const wire = new WireWriter();
  writeAsk(wire, "b");
  const before = b.gossip.stats.sentMessages;
  noise.send(wire.view());
  await world.clock.advance(300);
  assert(b.gossip.stats.sentMessages > before, "whoever asks is told");
  for (let peer = 0; peer < MAX_PEERS; peer++) world.add(`p${peer}`);
  await world.clock.advance(300);
  assertEquals(b.gossip.routers, MAX_PEERS + 1);
  assert(b.gossip.stats.refused > 2);
});

Deno.test("Gossip.lead is the first by name of those that have been there for a while, for all", async () => {
  const world = new World();
  using _world = world;
  const [ten, three] = [world.add("10"), world.add("3")];
  await world.clock.advance(SETTLED_MS);
  assertEquals([ten.gossip.lead, three.gossip.lead], ["3", "3"]);
  const zero = world.add("0");
  await world.clock.advance(500);
  assertEquals([ten.gossip.lead, zero.gossip.lead], ["3", "3"], "it has to hear first");
  await world.clock.advance(SETTLED_MS);
  assertEquals([ten, three, zero].map(({ gossip }) => gossip.lead), ["0", "0", "0"]);
  world.kill("0");
  assertEquals([ten.gossip.lead, three.gossip.lead], ["3", "3"]);
  zero.gossip[Symbol.dispose]();
});

Deno.test("Gossip.lead is one of those that have come at the same time, from the first word on", async () => {
  const world = new World();
  using _world = world;
  const all = ["10", "3", "4"].map((name) => world.add(name));
  for (let ms = 0; ms < SETTLED_MS + 500; ms += TELL_MS) {
    await world.clock.advance(TELL_MS);
    assertEquals(all.map(({ gossip }) => gossip.lead), ["3", "3", "3"], `after ${ms} ms`);
  }
});

Deno.test("Gossip calls onTold() each time that it has told", async () => {
  const { world, a } = await pair();
  using _world = world;
  const before = a.told;
  await world.clock.advance(10 * TELL_MS);
  assertEquals(a.told - before, 10);
});

Deno.test("Gossip leaves no timer behind", async () => {
  const { world } = await pair();
  world[Symbol.dispose]();
  assertEquals(world.clock.pending, 0);
});
