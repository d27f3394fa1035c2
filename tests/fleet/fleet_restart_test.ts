import { assert, assertEquals } from "../support/assert.ts";
import { ScriptedSource } from "../support/scripted_source.ts";
import { cards, engine, failure, Scene } from "./support.ts";

Deno.test("Fleet takes an engine under another start for another engine", async () => {
  await using scene = new Scene({ a: cards(["m"]), b: cards(["m"]) });
  const { clock, fleet, forgotten, told } = scene;
  const source = new ScriptedSource();
  const changes: unknown[] = [];
  fleet.watch((change) => {
    if (change.kind === "removed") changes.push([change.engine.id, change.replaced]);
  });
  scene.follow(source);
  source.upsert(engine("a", [], { started: "1" }));
  source.upsert(engine("b"));
  await clock.advance(0);
  using flight = fleet.take(fleet.snapshot().find("a") ?? engine("a"), "direct");
  source.upsert(engine("a", [], { started: "2" }));
  await clock.advance(0);
  assertEquals([changes, forgotten, told.includes("forgotten a")], [[["a", true]], ["a"], false]);
  const live = fleet.live(engine("a"));
  assertEquals([live?.inflight, live?.verdict.kind, scene.models("a")], [0, "good", ["m"]]);
  // What ends badly on the one before says nothing of this one.
  for (let count = 0; count < 5; count++) flight.failed(failure("upstream-unreachable"));
  assertEquals(fleet.verdict(engine("a")).kind, "good");
  assertEquals(live?.inflight, 0);
});

Deno.test("Fleet.restarted() begins anew with an engine, and goes on draining it", async () => {
  await using scene = new Scene({ a: cards(["m"]) });
  const { clock, fleet, told } = scene;
  const source = new ScriptedSource();
  scene.follow(source);
  source.upsert(engine("a"));
  source.leaving("a");
  await clock.advance(0);
  told.length = 0;
  fleet.restarted(engine("a"));
  fleet.restarted(engine("nobody"));
  await clock.advance(0);
  assertEquals(told, ["removed a", "added a", "leaving a", "changed a"]);
  assertEquals(fleet.life(engine("a"))?.state, "draining");
});

Deno.test("Fleet.life() goes from joining to gone", async () => {
  await using scene = new Scene();
  const { clock, fleet, engines } = scene;
  const source = new ScriptedSource();
  scene.follow(source);
  const stateOf = (): string | undefined => fleet.life(engine("a"))?.state;
  source.upsert(engine("a"));
  await clock.advance(0);
  assertEquals([stateOf(), scene.direct("m")], ["joining", undefined]);
  engines.waiting[0]?.answer.resolve(cards(["m"]));
  await clock.advance(0);
  assertEquals([stateOf(), scene.direct("m")], ["ready", "a"]);
  const flight = fleet.take(engine("a"), "direct");
  source.leaving("a");
  await clock.advance(0);
  assertEquals(stateOf(), "draining");
  source.remove("a");
  await clock.advance(0);
  assertEquals([stateOf(), [...fleet.gone].map(({ id }) => id)], [undefined, ["a"]]);
  flight.ok();
  assertEquals([...fleet.gone], []);
});

Deno.test("Fleet has an engine start slowly that comes later, serves again or is restarted", async () => {
  await using scene = new Scene({ a: cards(["m"]), b: cards(["m"]) }, { slowStartMs: 10_000 });
  const { clock, fleet, engines } = scene;
  const source = ScriptedSource.of([engine("a")]);
  const round = scene.follow(source);
  await clock.advance(0);
  assert(round.over);
  // It was there before the router was.
  assertEquals(fleet.life(engine("a")), { state: "ready" });
  source.upsert(engine("b"));
  await clock.advance(0);
  assertEquals(fleet.life(engine("b")), { state: "slow_start", share: 0.1 });
  await clock.advance(5_000);
  assertEquals(fleet.life(engine("b")), { state: "slow_start", share: 0.5 });
  await clock.advance(5_000);
  assertEquals(fleet.life(engine("b")), { state: "ready" });
  engines.replies.set("a", failure("upstream-unreachable"));
  const asked = fleet.ask(["a"]);
  await clock.advance(0);
  await asked;
  engines.replies.set("a", cards(["m"]));
  await clock.advance(1_000);
  assertEquals(fleet.life(engine("a"))?.state, "slow_start");
  fleet.restarted(engine("b"));
  await clock.advance(0);
  assertEquals(fleet.life(engine("b")), { state: "slow_start", share: 0.1 });
  assert(scene.direct("m") !== undefined);
  await clock.advance(20_000);
  assertEquals(["a", "b"].map((id) => fleet.life(engine(id))?.state), ["ready", "ready"]);
});
