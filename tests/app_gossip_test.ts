import { wireGossip } from "../lib/app_gossip.ts";
import { seededRandom, silentLogger } from "../lib/base/mod.ts";
import { EngineHealth, Fleet } from "../lib/fleet/mod.ts";
import { Metrics } from "../lib/metrics/mod.ts";
import { policiesFor } from "../lib/selection/mod.ts";
import { assert, assertEquals } from "./support/assert.ts";
import { FakeClock } from "./support/fake_clock.ts";
import { MemoryHub } from "./support/memory_bus.ts";

const RULES = { failures: 1, pauseMs: 1_000, maxPauseMs: 1_000 };

/** A router's gossip before no engine, and its metrics. */
function wired(hub: MemoryHub, name: string, clock: FakeClock): {
  readonly metrics: Metrics;
  readonly gossip: ReturnType<typeof wireGossip>;
} {
  const metrics = new Metrics();
  const base = { clock, random: seededRandom(name.length), log: silentLogger(), metrics };
  const gossip = wireGossip(hub.join(name), base);
  const rules = { engine: RULES, pair: RULES, maxShutShare: 1 };
  const health = new EngineHealth({ ...base, rules, sharing: gossip.verdicts });
  const fleet = new Fleet({
    ...base,
    health,
    policies: policiesFor({ kind: "roundrobin" }),
    fetchCards: () => Promise.resolve([]),
    observer: { onInflight() {}, onOutcome() {}, onVerdict() {} },
    others: gossip.others,
  });
  gossip.start(fleet, health, () => undefined);
  return { metrics, gossip };
}

/** What a series says at the moment. */
async function valueOf(metrics: Metrics, series: string): Promise<number | undefined> {
  const text = await metrics.text();
  const line = text.split("\n").find((each) => each.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.split(" ").at(-1));
}

Deno.test("wireGossip() tells metrics of peers, and counts what goes between them once", async () => {
  const [hub, clock] = [new MemoryHub(), new FakeClock()];
  const [one, other] = [wired(hub, "a", clock), wired(hub, "bb", clock)];
  await clock.advance(500);
  one.gossip.gauge();
  const sent = await valueOf(one.metrics, 'pd_router_gossip_messages_total{direction="sent"}');
  assertEquals(await valueOf(one.metrics, "pd_router_gossip_peers"), 1);
  assert(sent !== undefined && sent > 0);
  one.gossip.gauge();
  const again = await valueOf(one.metrics, 'pd_router_gossip_messages_total{direction="sent"}');
  assertEquals(again, sent);
  const heard = await valueOf(one.metrics, 'pd_router_gossip_bytes_total{direction="heard"}');
  assert(heard !== undefined && heard > 0);
  assertEquals(await valueOf(one.metrics, 'pd_router_gossip_problems_total{kind="refused"}'), 0);
  other.gossip[Symbol.dispose]();
  await clock.advance(1);
  one.gossip.gauge();
  assertEquals(await valueOf(one.metrics, "pd_router_gossip_peers"), 0);
  one.gossip[Symbol.dispose]();
});

Deno.test("wireGossip() has turns begin at another engine for each router, and one of them lead", async () => {
  const [hub, clock] = [new MemoryHub(), new FakeClock()];
  const routers = ["0", "1", "2"].map((name) => wired(hub, name, clock));
  await clock.advance(3_000);
  assertEquals(routers.map(({ gossip }) => gossip.beside.firstTurn), [0, 1, 2]);
  assertEquals(routers.map(({ gossip }) => gossip.leads()), [true, false, false]);
  for (const { gossip } of routers) gossip[Symbol.dispose]();
});
