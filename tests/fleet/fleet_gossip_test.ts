import type { KvBuffer } from "../../lib/base/mod.ts";
import { MAX_TURN_MS, TURN_MS } from "../../lib/fleet/fleet_gossip.ts";
import { SETTLED_MS } from "../../lib/gossip/gossip.ts";
import type { PromptFacts } from "../../lib/selection/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { ScriptedSource } from "../support/scripted_source.ts";
import { Gossiping, type Side } from "./gossiping.ts";
import { engine } from "./support.ts";

const BUFFER: KvBuffer = { bytes: 1_000, bytesPerToken: 1, chunkTokens: 100 };
const NIXL = { host: "d", initPorts: [1], allocPorts: [2], modes: ["p1"], buffer: BUFFER } as const;
const A = engine("a", ["m"]);
const B = engine("b", ["m"]);
const P = engine("p", ["m"], { role: "prefill", kv: "lmcache" });
const Q = engine("q", ["m"], { role: "prefill", kv: "lmcache" });
const D = engine("d", ["m"], { role: "decode", kv: "lmcache", nixl: NIXL });
const ALL = [A, B, P, Q, D];
const WITHIN_MS = 100;

/** So many routers that have met. */
async function met(count: number, engines = ALL): Promise<Gossiping> {
  const scene = new Gossiping({ prefill: 4, serving: 4 });
  for (let index = 0; index < count; index++) scene.add(engines);
  await scene.clock.advance(1_000);
  return scene;
}

function kinds(scene: Gossiping, id = "a"): readonly string[] {
  const kindOf = ({ fleet }: Side): string =>
    fleet.verdict({ ...A, id, url: `http://${id}:8000` }).kind;
  return scene.sides.map(kindOf);
}

function pairKinds(scene: Gossiping): readonly string[] {
  return scene.sides.map(({ health }) => health.pair("p", "d").kind);
}

Deno.test("candidates count what other routers have under way, within 100 ms", async () => {
  await using scene = await met(2);
  const [one, other] = [scene.at(0), scene.at(1)];
  const flight = one.fleet.take(A, "direct");
  const seats = one.fleet.seatPair({ prefill: P, decode: D }, 250);
  await scene.clock.advance(WITHIN_MS);
  const [a, p, d] = [A, P, D].map((each) => other.fleet.live(each));
  assert(a && p && d);
  assertEquals([a.inflight, a.ownInflight, p.load.seats, d.load.seats], [1, 0, 1, 1]);
  assertEquals([d.load.kvBytes, d.load.own.kvBytes, p.load.transfers], [300, 0, 1]);
  assertEquals(other.fleet.chooseDirect({ model: "m", attempt: 1 })?.id, "b", "A has more to do");
  // What it has itself is what it counts and tells.
  assertEquals([other.fleet.inflight, other.fleet.seated], [0, { seats: 0, kvBytes: 0 }]);
  assertEquals(one.fleet.live(A)?.inflight, 1, "nobody hears himself");
  flight.ok();
  seats[Symbol.dispose]();
  await scene.clock.advance(WITHIN_MS);
  assertEquals([a.inflight, p.load.seats, d.load.kvBytes, p.load.transfers], [0, 0, 0, 0]);
});

Deno.test("who waits is told of seats that another router gives back", async () => {
  await using scene = await met(2);
  const [one, other] = [scene.at(0), scene.at(1)];
  const seats = Array.from({ length: 4 }, () => one.fleet.seat(A));
  await scene.clock.advance(WITHIN_MS);
  assertEquals(other.fleet.hasSeat(A), false);
  other.roomy.length = 0;
  seats[0]?.release();
  await scene.clock.advance(WITHIN_MS);
  assertEquals([other.fleet.hasSeat(A), other.roomy.includes("a")], [true, true]);
});

Deno.test("routers that crowd take about as many seats as there are, and what one leaves is another's", async () => {
  const scene = new Gossiping({ prefill: 4, serving: 60 });
  await using _scene = scene;
  for (let index = 0; index < 3; index++) scene.add([A]);
  await scene.clock.advance(1_000);
  const taken = [0, 0, 0];
  const crowd = (index: number): void => {
    const { fleet } = scene.at(index);
    while (fleet.hasSeat(A)) {
      fleet.seat(A);
      taken[index] = (taken[index] ?? 0) + 1;
    }
  };
  const sum = (): number => taken.reduce((all, each) => all + each, 0);
  for (const index of [0, 1, 2]) crowd(index);
  assert(sum() <= 60, `${sum()} at once, where nobody knows of the others`);
  for (let turn = 0; turn < 100; turn++) {
    await scene.clock.advance(10);
    crowd(turn % 2);
  }
  assert(sum() >= 60 && sum() <= 62, `${sum()} in the end`);
  assertEquals(scene.sides.map(({ fleet }) => fleet.hasSeat(A)), [false, false, false]);
});

Deno.test("place in a KV buffer is one for all routers", async () => {
  await using scene = await met(2);
  const [one, other] = [scene.at(0), scene.at(1)];
  const room = ({ fleet }: Side, tokens: number): string => {
    const takes = (): boolean => true;
    return fleet.choosePair({ model: "m", attempt: 1, takes, tokens }).kind;
  };
  const pair = { prefill: P, decode: D };
  one.fleet.seatPair(pair, 500);
  await scene.clock.advance(WITHIN_MS);
  assertEquals([room(other, 400), room(other, 600)], ["pair", "full"]);
  other.fleet.seatPair(pair, 400);
  await scene.clock.advance(WITHIN_MS);
  assertEquals([room(one, 100), room(one, 200)], ["pair", "full"]);
});

Deno.test("an engine that is shut by one router is shut for all within 100 ms", async () => {
  await using scene = await met(3);
  for (let time = 0; time < 2; time++) scene.fail(scene.at(1), A, "upstream-lost");
  assertEquals(kinds(scene), ["good", "shut", "good"]);
  await scene.clock.advance(WITHIN_MS);
  assertEquals(kinds(scene), ["shut", "shut", "shut"]);
  assertEquals(kinds(scene, "b"), ["good", "good", "good"]);
});

Deno.test("a pair that is shut by one router is shut for all within 100 ms", async () => {
  await using scene = await met(3);
  for (let time = 0; time < 2; time++) {
    scene.fail(scene.at(2), D, "kv-timeout", "decode", P);
  }
  assertEquals(pairKinds(scene), ["good", "good", "shut"]);
  scene.at(0).roomy.length = 0;
  await scene.clock.advance(WITHIN_MS);
  assertEquals(pairKinds(scene), ["shut", "shut", "shut"]);
  assert(scene.at(0).roomy.includes("d"), "who waits is told");
  assertEquals(scene.at(0).health.pair("q", "d").kind, "good");
  assertEquals(scene.at(0).health.doubtedPairs().length, 1);
});

for (const what of ["engine", "pair"] as const) {
  Deno.test(`the trial of an ${what} that was shut is one router's`, async () => {
    await using scene = await met(4);
    const [code, leg, peer] = what === "engine"
      ? ["upstream-lost", "direct", undefined] as const
      : ["kv-timeout", "decode", P] as const;
    const at = what === "engine" ? A : D;
    for (let time = 0; time < 2; time++) scene.fail(scene.at(0), at, code, leg, peer);
    const of = (): readonly string[] => what === "engine" ? kinds(scene) : pairKinds(scene);
    await scene.clock.advance(WITHIN_MS);
    const trials: string[] = [];
    // All would try it as soon as they may: each looks every few milliseconds.
    for (let turn = 0; turn < 1_000 && trials.length === 0; turn++) {
      await scene.clock.advance(5);
      for (const [index, kind] of of().entries()) {
        if (kind !== "probation") continue;
        trials.push(String(index));
        scene.at(index).fleet.take(at, leg, peer);
        break;
      }
    }
    assertEquals(trials.length, 1);
    // It is the only one until it has ended, though all have been waiting for it.
    for (let turn = 0; turn < 100; turn++) {
      await scene.clock.advance(10);
      assertEquals(of(), ["shut", "shut", "shut", "shut"], `after ${turn * 10} ms`);
    }
  });
}

Deno.test("the turn to try an engine comes to another router where the first has no request", async () => {
  await using scene = await met(4);
  for (let time = 0; time < 2; time++) scene.fail(scene.at(0), A, "upstream-lost");
  // The pause varies by a fifth; each waits for those before it.
  await scene.clock.advance(1_200 + 3 * TURN_MS);
  assertEquals(kinds(scene), ["probation", "probation", "probation", "probation"]);
  assert(MAX_TURN_MS <= 1_000);
});

Deno.test("an engine that one router has tried with success serves for all within 100 ms", async () => {
  await using scene = await met(2);
  for (let time = 0; time < 2; time++) scene.fail(scene.at(0), A, "upstream-lost");
  await scene.clock.advance(1_200 + TURN_MS + WITHIN_MS);
  const trial = scene.at(1).fleet.take(A, "direct");
  trial.ok();
  await scene.clock.advance(WITHIN_MS);
  assertEquals(kinds(scene), ["good", "good"]);
});

Deno.test("a trial whose router has died is another's", async () => {
  await using scene = await met(3);
  for (let time = 0; time < 2; time++) scene.fail(scene.at(0), A, "upstream-lost");
  await scene.clock.advance(1_200 + 2 * TURN_MS);
  scene.at(0).fleet.take(A, "direct");
  await scene.clock.advance(WITHIN_MS);
  assertEquals(kinds(scene).slice(1), ["shut", "shut"]);
  scene.kill(scene.at(0));
  await scene.clock.advance(2 * TURN_MS);
  assertEquals(kinds(scene).slice(1), ["probation", "probation"]);
});

Deno.test("what a router that dies has said last is known to all, if it was to one", async () => {
  await using scene = await met(3);
  const [one, other, third] = [scene.at(0), scene.at(1), scene.at(2)];
  for (let time = 0; time < 2; time++) scene.fail(one, A, "upstream-lost");
  const told = one.health.told("a");
  assert(told);
  // The second has heard of it, the third has not.
  other.health.hear("a", told);
  scene.kill(one);
  assertEquals(third.health.engine("a").kind, "good");
  await scene.clock.advance(WITHIN_MS);
  assertEquals(third.health.told("a")?.version, told.version);
  assertEquals(third.health.engine("a").kind, "shut");
});

Deno.test("a check that fails at one router shuts the engine for all, until one goes well anywhere", async () => {
  await using scene = await met(2);
  scene.fail(scene.at(0), A, "check-failed", "check");
  await scene.clock.advance(WITHIN_MS);
  assertEquals(kinds(scene), ["shut", "shut"]);
  scene.at(1).fleet.take(A, "check").ok();
  await scene.clock.advance(WITHIN_MS);
  assertEquals(kinds(scene), ["good", "good"]);
});

Deno.test("an engine that gives one router no answer is asked by the others at once, and judged by each", async () => {
  await using scene = await met(2);
  const [one, other] = [scene.at(0), scene.at(1)];
  const before = other.asked.get("a") ?? 0;
  scene.fail(one, A, "upstream-timeout", "models");
  await scene.clock.advance(WITHIN_MS);
  assertEquals(kinds(scene), ["shut", "good"]);
  assertEquals(other.asked.get("a"), before + 1);
});

Deno.test("a router that comes later goes around what is shut, once it knows the engines", async () => {
  await using scene = await met(2);
  for (let time = 0; time < 2; time++) {
    scene.fail(scene.at(0), A, "upstream-lost");
    scene.fail(scene.at(0), D, "kv-timeout", "decode", P);
  }
  await scene.clock.advance(WITHIN_MS);
  const late = scene.add(ALL);
  await scene.clock.advance(WITHIN_MS);
  assertEquals([late.health.engine("a").kind, late.health.pair("p", "d").kind], ["shut", "shut"]);
});

Deno.test("a router knows which engines have met a prompt by the choice of another", async () => {
  const scene = new Gossiping(undefined, "prefixaware");
  await using _scene = scene;
  const [one, other] = [scene.add([A, B]), scene.add([A, B])];
  await scene.clock.advance(1_000);
  const prompt: PromptFacts = {
    tokens: 4_096,
    chunks: () => Float64Array.from({ length: 128 }, (_, index) => index + 1),
    cachedAt: () => undefined,
  };
  // Turns would choose otherwise: the first by name is the first to be asked.
  one.fleet.take(B, "direct", undefined, undefined, { prompt }).ok();
  assertEquals(other.fleet.chooseDirect({ model: "m", attempt: 1, prompt })?.id, "a");
  await scene.clock.advance(WITHIN_MS);
  assertEquals(other.fleet.chooseDirect({ model: "m", attempt: 1, prompt })?.id, "b");
});

Deno.test("engines that can be on either side are where one router has them, for all and for who comes", async () => {
  const scene = new Gossiping();
  await using _scene = scene;
  const both = ["x", "y"].map((id) => engine(id, ["m"], { role: "both", kv: "nixl" }));
  const [one, other] = [scene.add(both), scene.add(both)];
  await scene.clock.advance(SETTLED_MS);
  const sides = (): readonly unknown[] =>
    scene.sides.map(({ fleet }) => fleet.snapshot().engines.map(({ role }) => role));
  assertEquals(sides(), [["decode", "decode"], ["decode", "decode"]]);
  one.fleet.turn("x", "prefill");
  // It is not for another than the first to decide.
  other.fleet.turn("y", "prefill");
  await scene.clock.advance(WITHIN_MS);
  assertEquals(sides(), [["prefill", "decode"], ["prefill", "decode"]]);
  scene.add(both);
  await scene.clock.advance(WITHIN_MS);
  assertEquals(sides(), [["prefill", "decode"], ["prefill", "decode"], ["prefill", "decode"]]);
});

Deno.test("routers that come at the same time have engines on the sides where the first has them", async () => {
  const scene = new Gossiping();
  await using _scene = scene;
  const both = ["x", "y"].map((id) => engine(id, ["m"], { role: "both", kv: "nixl" }));
  const [one, other] = [scene.add(both), scene.add(both)];
  // Each places them by itself, as it gets to know them.
  await scene.clock.advance(1);
  one.fleet.turn("x", "prefill");
  other.fleet.turn("y", "prefill");
  await scene.clock.advance(WITHIN_MS);
  const sides = (): readonly unknown[] =>
    scene.sides.map(({ fleet }) => fleet.snapshot().engines.map(({ role }) => role));
  assertEquals(sides(), [["prefill", "decode"], ["prefill", "decode"]]);
  await scene.clock.advance(SETTLED_MS);
  scene.kill(one);
  await scene.clock.advance(WITHIN_MS);
  other.fleet.turn("y", "prefill");
  await scene.clock.advance(WITHIN_MS);
  assertEquals(sides()[1], ["prefill", "prefill"], "it decides by itself then");
});

Deno.test("who has all seats leaves those that it gives back to routers where requests wait", async () => {
  await using scene = await met(2);
  const [one, other] = [scene.at(0), scene.at(1)];
  const seats = Array.from({ length: 4 }, () => one.fleet.seat(A));
  other.waits.add("m");
  await scene.clock.advance(WITHIN_MS);
  assertEquals(
    [one.fleet.isAwaitedElsewhere("m"), one.fleet.isAwaitedElsewhere("n")],
    [true, false],
  );
  assertEquals(other.fleet.isAwaitedElsewhere("m"), false);
  for (const half of [0, 1]) {
    seats.pop()?.release();
    assertEquals(one.fleet.hasSeat(A), false, `${half}: it has more than half of them`);
    await scene.clock.advance(30);
    assertEquals([one.fleet.hasSeat(A), other.fleet.hasSeat(A)], [false, true]);
    other.fleet.seat(A);
    await scene.clock.advance(WITHIN_MS);
  }
  seats.pop()?.release();
  assertEquals(one.fleet.hasSeat(A), true, "its half is its own");
  other.waits.clear();
  await scene.clock.advance(WITHIN_MS);
  assertEquals(one.fleet.isAwaitedElsewhere("m"), false);
});

Deno.test("nothing is told of engines that a router has no more, whatever is under way there", async () => {
  const scene = new Gossiping();
  await using _scene = scene;
  const source = ScriptedSource.of([A, B]);
  const [one, other] = [scene.add([], source), scene.add(ALL)];
  await scene.clock.advance(1_000);
  one.fleet.take(A, "direct");
  one.fleet.take(B, "direct");
  await scene.clock.advance(WITHIN_MS);
  assertEquals([other.fleet.live(A)?.inflight, other.fleet.live(B)?.inflight], [1, 1]);
  source.remove("a");
  await scene.clock.advance(WITHIN_MS);
  assertEquals([other.fleet.live(A)?.inflight, other.fleet.live(B)?.inflight], [0, 1]);
  // It comes again: what others tell of it counts from the beginning.
  const flight = other.fleet.take(A, "direct");
  source.upsert(A);
  await scene.clock.advance(WITHIN_MS);
  assertEquals(one.fleet.live(A)?.inflight, 1);
  flight.ok();
});
