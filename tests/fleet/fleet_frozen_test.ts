import { type Engine, seededRandom } from "../../lib/base/mod.ts";
import { Fleet } from "../../lib/fleet/mod.ts";
import { policiesFor } from "../../lib/selection/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { answeringHealth, AskedEngines, cards, engine, LogLines } from "./support.ts";
import { ScriptedSource } from "../support/scripted_source.ts";

/** A fleet of `a` and `b`, and which engines it has given up. */
async function frozenFleet(): Promise<{
  readonly clock: FakeClock;
  readonly fleet: Fleet;
  readonly engines: AskedEngines;
  readonly givenUp: string[];
  readonly find: (id: string) => Engine;
}> {
  const clock = new FakeClock();
  const engines = new AskedEngines(clock, { a: cards(["m"]), b: cards(["m"]) });
  const givenUp: string[] = [];
  const fleet = new Fleet({
    clock,
    random: seededRandom(7),
    log: new LogLines(clock).log,
    health: answeringHealth(),
    policies: policiesFor({ kind: "roundrobin" }),
    fetchCards: engines.fetch,
    frozen: { afterMs: 1_500, giveUp: ({ id }) => void givenUp.push(id) },
    observer: { onInflight: () => {}, onOutcome: () => {}, onVerdict: () => {} },
  });
  const source = new ScriptedSource();
  source.upsert(engine("a"));
  source.upsert(engine("b"));
  source.synced();
  await fleet.follow(source);
  const find = (id: string): Engine => fleet.snapshot().find(id) ?? engine(id);
  return { clock, fleet, engines, givenUp, find };
}

Deno.test("Fleet gives up an engine that owes answers and shows no sign of life", async () => {
  const { clock, fleet, engines, givenUp, find } = await frozenFleet();
  await using _fleet = fleet;
  engines.replies.delete("a");
  using _owed = fleet.take(find("a"), "prefill", find("b"));
  await clock.advance(2_000);
  assertEquals([engines.times("a"), givenUp], [[0, 2_000], []]);
  await clock.advance(1_000);
  assertEquals(givenUp, ["a"]);
  assertEquals(fleet.chooseDirect({ model: "m", attempt: 1 })?.id, "b");
});

Deno.test("Fleet leaves an engine to its requests' deadlines where nobody else could serve", async () => {
  const { clock, fleet, engines, givenUp, find } = await frozenFleet();
  await using _fleet = fleet;
  engines.replies.delete("a");
  engines.replies.delete("b");
  using _one = fleet.take(find("a"), "direct");
  using _other = fleet.take(find("b"), "direct");
  await clock.advance(2_000);
  await clock.advance(1_000);
  // Both are found out in one moment: the first while the other still seems to be there.
  const early = givenUp.length;
  assertEquals(early <= 1, true);
  await clock.advance(3_600_000);
  assertEquals(givenUp.length, early);
  assertEquals(engines.times("a").length > 10, true);
});

Deno.test("Fleet leaves an engine alone that is slow, and there", async () => {
  const { clock, fleet, engines, givenUp, find } = await frozenFleet();
  await using _fleet = fleet;
  using _owed = fleet.take(find("a"), "direct");
  await clock.advance(20_000);
  assertEquals([engines.times("a").length > 2, givenUp], [true, []]);
});

Deno.test("Fleet gives up nobody who owes nothing", async () => {
  const { clock, fleet, engines, givenUp, find } = await frozenFleet();
  await using _fleet = fleet;
  engines.replies.delete("a");
  const answered = fleet.take(find("a"), "direct");
  answered.head(200);
  fleet.take(find("a"), "prefill").failed(new Error("broken"));
  await clock.advance(60_000);
  answered.ok();
  assertEquals(givenUp, []);
});
