import { type Logger, seededRandom, silentLogger } from "../../lib/base/mod.ts";
import { LEASE_MS, MAX_GOSSIP_BYTES, RENEW_MS } from "../../lib/cluster/cluster.ts";
import { DEAF_MS, ECHO_MS } from "../../lib/cluster/lifeline.ts";
import { assert, assertEquals, assertNotEquals } from "../support/assert.ts";
import { FakeClock, settle } from "../support/fake_clock.ts";
import { FakeBroker, startReplica } from "./support.ts";

const FRAME = Uint8Array.of(1, 2, 3);

Deno.test("Cluster hands a notification over to the replica of that tag, and to no other", async () => {
  const clock = new FakeClock();
  const broker = new FakeBroker(clock);
  await using one = startReplica(broker, clock, 1);
  await using two = startReplica(broker, clock, 2);
  await using three = startReplica(broker, clock, 3);
  await settle();
  one.cluster.handOver(two.cluster.tag, FRAME);
  await settle();
  assertEquals([one.notices, two.notices, three.notices], [[], [FRAME], []]);
  assertEquals([one.cluster.post.handedOver, two.cluster.stats.received], [1, 1]);
});

Deno.test("Cluster tells routers of all other replicas, and not its own", async () => {
  const clock = new FakeClock();
  const broker = new FakeBroker(clock);
  await using one = startReplica(broker, clock, 1);
  await using two = startReplica(broker, clock, 2);
  await settle();
  const from = `${one.cluster.tag}.2.1`;
  one.cluster.tell(from, FRAME);
  await settle();
  assertEquals([one.gossip, two.gossip], [[], [[from, FRAME]]]);
  assertEquals([one.cluster.replicas, two.cluster.replicas], [1, 2]);
});

Deno.test("Cluster starts without a broker, says so once, and joins when it comes", async () => {
  const clock = new FakeClock();
  const broker = new FakeBroker(clock);
  broker.mood = "refusing";
  const said: string[] = [];
  const log: Logger = {
    ...silentLogger(),
    warning: (message, fields) => void said.push(`${message} ${JSON.stringify(fields)}`),
    info: (message) => void said.push(message),
  };
  await using one = startReplica(broker, clock, 1, { log });
  await clock.advance(20_000);
  assertEquals(one.cluster.connected, false);
  // Pauses of 0.2 s that double to 5 s, each at least half as long.
  assert(broker.asked >= 5 && broker.asked <= 14, `${broker.asked} connections`);
  broker.mood = "well";
  await clock.advance(5_000);
  assertEquals(said, [
    'The cluster at fake cannot be reached: this router goes by itself {"error":"connection refused"}',
    "Joined the cluster at fake",
  ]);
  assertEquals(one.states, [{ tag: one.cluster.tag, connected: true }]);
});

Deno.test("Cluster delivers what was to be handed over while the broker was away, once", async () => {
  const clock = new FakeClock();
  const broker = new FakeBroker(clock);
  await using one = startReplica(broker, clock, 1);
  await using two = startReplica(broker, clock, 2);
  await settle();
  broker.crash();
  await settle();
  one.cluster.handOver(two.cluster.tag, FRAME);
  await clock.advance(1_000);
  assertEquals([one.cluster.connected, two.notices], [false, []]);
  broker.mood = "well";
  await clock.advance(8_000);
  assertEquals([two.notices, one.cluster.stats.losses], [[FRAME], 1]);
});

Deno.test("Cluster finds out a broker that answers nothing, and what was under way arrives once", async () => {
  const clock = new FakeClock();
  const broker = new FakeBroker(clock);
  await using one = startReplica(broker, clock, 1);
  await using two = startReplica(broker, clock, 2);
  await settle();
  broker.mood = "frozen";
  one.cluster.handOver(two.cluster.tag, FRAME);
  await clock.advance(DEAF_MS + 2 * ECHO_MS);
  assertEquals([one.cluster.connected, broker.connections], [false, 0]);
  broker.mood = "well";
  await clock.advance(4_000);
  assertEquals([one.cluster.connected, two.notices], [true, [FRAME]]);
});

Deno.test("Cluster leaves the time of an echo to be seen", async () => {
  const clock = new FakeClock();
  const broker = new FakeBroker(clock);
  await using one = startReplica(broker, clock, 1);
  assertEquals(one.cluster.echoMs, undefined);
  await settle();
  assertEquals(one.cluster.echoMs, 0);
});

Deno.test("Cluster takes another tag where its own is somebody's, and hears what is under way", async () => {
  const clock = new FakeClock();
  const broker = new FakeBroker(clock);
  await using one = startReplica(broker, clock, 1);
  const former = one.cluster.tag;
  // As after a partition in which another replica took it.
  await settle();
  broker.own(`t:replica:${former}`, "somebody", LEASE_MS);
  await using two = startReplica(broker, clock, 2);
  await clock.advance(RENEW_MS);
  const { tag } = one.cluster;
  assertNotEquals(tag, former);
  assertEquals(one.states.at(-1), { tag, connected: true });
  for (const each of [former, tag]) two.cluster.handOver(each, FRAME);
  // One that it gets itself may be of either: it goes to both, and arrives here once.
  one.cluster.handOver(former, FRAME);
  await settle();
  assertEquals(one.notices.length, 3);
});

Deno.test("Cluster lets two of one tag go on: both hear, and the one that has not claimed it gives way", async () => {
  const clock = new FakeClock();
  const broker = new FakeBroker(clock);
  await using one = startReplica(broker, clock, 7);
  await settle();
  const { tag } = one.cluster;
  const chance = seededRandom(7);
  await using two = startReplica(broker, clock, 7, {
    random: {
      next: () => chance.next(),
      uuid: () => `another than ${chance.uuid()}`,
    },
  });
  await clock.advance(1_000);
  assertEquals([one.cluster.tag, two.cluster.tag === tag], [tag, false]);
});

Deno.test("Cluster keeps its tag over an outage that outlasts its lease, and gives it back at the end", async () => {
  const clock = new FakeClock();
  const broker = new FakeBroker(clock);
  const one = startReplica(broker, clock, 1);
  await settle();
  const { tag } = one.cluster;
  broker.crash();
  await clock.advance(2 * LEASE_MS);
  broker.mood = "well";
  await clock.advance(6_000);
  assertEquals([one.cluster.connected, one.cluster.tag], [true, tag]);
  assert(broker.ownerOf(`t:replica:${tag}`) !== undefined);
  await one[Symbol.asyncDispose]();
  assertEquals([broker.ownerOf(`t:replica:${tag}`), broker.connections, clock.pending], [
    undefined,
    0,
    0,
  ]);
});

Deno.test("Cluster leaves out gossip that a broker does not take, and counts it", async () => {
  const clock = new FakeClock();
  const broker = new FakeBroker(clock);
  await using one = startReplica(broker, clock, 1);
  await settle();
  broker.mood = "frozen";
  const message = new Uint8Array(32 * 1024);
  for (let sent = 0; sent <= MAX_GOSSIP_BYTES; sent += message.length) {
    one.cluster.tell(one.cluster.tag, message);
  }
  assert(one.cluster.stats.unsent >= 1 && one.cluster.stats.unsent <= 3);
  broker.mood = "well";
});

Deno.test("Cluster counts what is no message of a replica's", async () => {
  const clock = new FakeClock();
  const broker = new FakeBroker(clock);
  await using one = startReplica(broker, clock, 1);
  await settle();
  const link = await broker.open(() => {}, new AbortController().signal);
  for (const channel of ["t:gossip", `t:to:${one.cluster.tag}`]) {
    for (const bytes of [new Uint8Array(0), Uint8Array.of(9, 9), new Uint8Array(40)]) {
      await link.publish(channel, bytes);
    }
  }
  assertEquals([one.cluster.stats.refused, one.notices, one.gossip], [6, [], []]);
});
