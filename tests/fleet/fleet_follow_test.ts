import { type EngineSource, FIRST_ROUND_MS, staticSource } from "../../lib/fleet/mod.ts";
import type { ModelCard } from "../../lib/openai/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { settle } from "../support/fake_clock.ts";
import { ScriptedSource } from "../support/scripted_source.ts";
import { cards, engine, failure, Scene } from "./support.ts";

const REFRESH_MS = 30_000;
const DOWN = failure("upstream-unreachable");

Deno.test("Fleet.follow() resolves when every engine has been asked, and none is asked twice", async () => {
  await using scene = new Scene({ a: [], b: DOWN });
  const round = scene.follow(staticSource([engine("a"), engine("b"), engine("c")]));
  await settle();
  assertEquals(round.over, false);
  scene.engines.waiting[0]?.answer.resolve(cards(["m"]));
  await settle();
  assertEquals(round.over, true);
  assertEquals(scene.engines.asked.map(([id]) => id), ["a", "b", "c"]);
});

Deno.test("Fleet.follow() waits 5 s for a silent engine, and no longer", async () => {
  await using scene = new Scene({ a: cards(["m"]) });
  const round = scene.follow(staticSource([engine("a"), engine("b")]));
  await scene.clock.advance(FIRST_ROUND_MS - 1);
  assertEquals([round.over, scene.models("a"), FIRST_ROUND_MS], [false, ["m"], 5_000]);
  await scene.clock.advance(1);
  assertEquals(round.over, true);
});

Deno.test("Fleet.follow() of no engines resolves at once, and leaves no timer", async () => {
  await using scene = new Scene();
  await scene.fleet.follow(staticSource([]));
  assertEquals(scene.clock.pending, 0);
});

Deno.test("Fleet.follow() does not wait for engines that come later", async () => {
  const source = new ScriptedSource();
  await using scene = new Scene({ a: cards(["m"]) });
  const round = scene.follow(source);
  source.upsert(engine("a"));
  await settle();
  // Who knows what else there is.
  assertEquals([round.over, scene.models("a")], [false, ["m"]]);
  source.synced();
  source.upsert(engine("b"));
  await settle();
  assertEquals([round.over, scene.engines.waiting.length], [true, 1]);
});

Deno.test("Fleet.follow() does not wait for an engine that has gone meanwhile", async () => {
  const source = ScriptedSource.of([engine("a", ["m"])]);
  await using scene = new Scene();
  const round = scene.follow(source);
  await settle();
  assertEquals(round.over, false);
  source.remove("a");
  await settle();
  assertEquals([round.over, scene.clock.pending], [true, 0]);
});

Deno.test("Fleet.follow() of a source that never tells what there is waits 5 s, and follows on", async () => {
  const source = new ScriptedSource();
  await using scene = new Scene();
  const round = scene.follow(source);
  await scene.clock.advance(FIRST_ROUND_MS - 1);
  assertEquals(round.over, false);
  await scene.clock.advance(1);
  assertEquals([round.over, scene.clock.pending], [true, 0]);
  source.upsert(engine("a", ["m"]));
  await settle();
  assertEquals(scene.ids, ["a"]);
});

Deno.test("Fleet keeps its engines when their source ends", async () => {
  for (const synced of [true, false]) {
    const source = new ScriptedSource();
    await using scene = new Scene({ a: cards(["m"]) });
    const round = scene.follow(source);
    source.upsert(engine("a"));
    if (synced) source.synced();
    source.end();
    await settle();
    assertEquals([round.over, source.following, scene.ids], [true, 0, ["a"]]);
    await scene.clock.advance(REFRESH_MS);
    assertEquals(scene.engines.times("a").length, 2);
    assertEquals(scene.written.messages(), ["info Engine answers: m"]);
  }
});

Deno.test("Fleet keeps its engines when their source fails, and says so", async () => {
  const source = new ScriptedSource();
  await using scene = new Scene({ a: [] });
  const round = scene.follow(source);
  source.upsert(engine("a", ["m"]));
  source.end(new Error("forbidden"));
  await settle();
  assertEquals([round.over, scene.ids, scene.direct("m")], [true, ["a"], "a"]);
  const said = scene.written.messages().filter((message) => message.startsWith("error"));
  assertEquals(said, ["error Engines are not followed any more: their source has failed"]);
  assert(scene.written.lines.some((line) => line.includes("forbidden")));
});

Deno.test("Fleet.follow() resolves when a source cannot even begin", async () => {
  await using scene = new Scene();
  const source: EngineSource = {
    changes() {
      throw new Error("no such file");
    },
  };
  await scene.fleet.follow(source);
  assertEquals([scene.written.messages().length, scene.clock.pending], [1, 0]);
});

Deno.test("Fleet follows several sources, each for itself", async () => {
  const [one, other] = [ScriptedSource.of([engine("a", ["m"])]), new ScriptedSource()];
  await using scene = new Scene({ a: [], b: [] });
  const rounds = [scene.follow(one), scene.follow(other)];
  await settle();
  assertEquals(rounds.map(({ over }) => over), [true, false]);
  other.upsert(engine("b", ["m"]));
  other.synced();
  one.end(new Error("gone"));
  await settle();
  assertEquals([rounds[1]?.over, scene.ids], [true, ["a", "b"]]);
  other.remove("b");
  other.upsert(engine("c", ["m"]));
  await settle();
  assertEquals(scene.ids, ["a", "c"]);
});

Deno.test("Fleet lets every source say what becomes of an id: the last word holds", async () => {
  const [one, other] = [ScriptedSource.of([engine("a", ["m"])]), new ScriptedSource()];
  await using scene = new Scene();
  scene.follow(one);
  scene.follow(other);
  await settle();
  other.upsert(engine("a", ["n"]));
  await settle();
  assertEquals(scene.models("a"), ["n"]);
  other.remove("a");
  await settle();
  assertEquals(scene.ids, []);
});

Deno.test("Fleet that is disposed ends its sources and watchers, and leaves no timer", async () => {
  const scene = new Scene({ a: cards(["m"]), b: DOWN });
  const source = ScriptedSource.of(["a", "b", "c"].map((id) => engine(id)));
  const round = scene.follow(source);
  const late = scene.follow(new ScriptedSource());
  await scene.clock.advance(10);
  assertEquals([source.following, round.over], [1, false]);
  await scene.fleet[Symbol.asyncDispose]();
  assertEquals([source.following, scene.clock.pending], [0, 0]);
  assertEquals(scene.engines.waiting.map(({ signal }) => signal.aborted), [true]);
  await settle();
  assertEquals([round.over, late.over], [true, true]);
  const { length } = scene.engines.asked;
  source.upsert(engine("d"));
  await scene.clock.advance(REFRESH_MS * 2);
  assertEquals([scene.engines.asked.length, scene.ids], [length, ["a", "b", "c"]]);
});

Deno.test("Fleet that is disposed waits for what engines that have gone were asked", async () => {
  const answer = Promise.withResolvers<readonly ModelCard[]>();
  const scene = new Scene({}, { fetchCards: () => answer.promise });
  const source = ScriptedSource.of([engine("a")]);
  scene.follow(source);
  await settle();
  source.remove("a");
  await settle();
  let disposed = false;
  const end = scene.fleet[Symbol.asyncDispose]().then(() => disposed = true);
  await settle();
  assertEquals([disposed, scene.told], [false, ["added a", "removed a"]]);
  answer.resolve([]);
  await end;
  assertEquals([scene.told.at(-1), scene.clock.pending], ["forgotten a", 0]);
});

Deno.test("Fleet that is disposed takes nothing more from a source that tells on", async () => {
  const scene = new Scene();
  let ended = false;
  scene.follow({
    async *changes(stop) {
      try {
        yield { kind: "upsert", engine: engine("a", ["m"]) };
        await new Promise((resolve) => stop.addEventListener("abort", resolve, { once: true }));
        for (const id of ["b", "c"]) yield { kind: "upsert", engine: engine(id, ["m"]) };
      } finally {
        ended = true;
      }
    },
  });
  await settle();
  await scene.fleet[Symbol.asyncDispose]();
  assertEquals([scene.ids, ended], [["a"], true]);
});

Deno.test("Fleet that is disposed follows no source any more, and may be disposed again", async () => {
  const scene = new Scene();
  await scene.fleet[Symbol.asyncDispose]();
  const source = ScriptedSource.of([engine("a")]);
  await scene.fleet.follow(source);
  assertEquals([scene.ids, source.following, scene.clock.pending], [[], 0, 0]);
  await scene.fleet[Symbol.asyncDispose]();
});

Deno.test("Fleet that is disposed does not call the end of a source a failure", async () => {
  const scene = new Scene();
  const source: EngineSource = {
    async *changes(stop) {
      yield { kind: "upsert", engine: engine("a", ["m"]) };
      await new Promise((resolve) => stop.addEventListener("abort", resolve, { once: true }));
      throw stop.reason;
    },
  };
  scene.follow(source);
  await settle();
  await scene.fleet[Symbol.asyncDispose]();
  assertEquals([scene.ids, scene.written.messages()], [["a"], []]);
});
