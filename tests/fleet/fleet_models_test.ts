import type { Engine, ErrorCode } from "../../lib/base/mod.ts";
import { NoModelList, staticSource } from "../../lib/fleet/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { settle } from "../support/fake_clock.ts";
import { ScriptedSource } from "../support/scripted_source.ts";
import { cards, engine, failure, type Reply, Scene } from "./support.ts";

const REFRESH_MS = 30_000;
const DOWN = failure("upstream-unreachable");

/** A scene over `engines`, which have been asked already if they have replies. */
async function sceneOf(
  engines: readonly Engine[],
  replies: Readonly<Record<string, Reply>> = {},
): Promise<Scene> {
  const scene = new Scene(replies);
  scene.follow(staticSource(engines));
  await settle();
  return scene;
}

Deno.test("Fleet lists engines at once, with the models they are configured with", async () => {
  await using scene = await sceneOf([engine("a"), engine("b", ["m"])]);
  assertEquals([scene.models("a"), scene.models("b")], [[], ["m"]]);
  assertEquals(scene.cards("b"), [{
    id: "m",
    object: "model",
    created: 1_700_000_000,
    owned_by: "vllm",
    root: "m",
    parent: null,
  }]);
  assertEquals(scene.fleet.snapshot().entries[0]?.created, 1_700_000_000);
});

Deno.test("Fleet adds the models that an engine says it serves", async () => {
  const said = [{ id: "m", max_model_len: 4096 }, { id: "lora", parent: "m" }];
  await using scene = await sceneOf([engine("a")], { a: said });
  assertEquals([scene.models("a"), scene.cards("a")], [["m", "lora"], said]);
  assertEquals(scene.fleet.snapshot().maxModelLen("m"), 4096);
  assertEquals(scene.written.messages(), ["info Engine answers: m,lora"]);
  assertEquals(scene.told, ["added a", "changed a"]);
});

Deno.test("Fleet keeps to configured models, and takes only their cards", async () => {
  await using scene = await sceneOf([engine("a", ["m"])], {
    a: [{ id: "m", max_model_len: 8 }, { id: "other" }],
  });
  assertEquals([scene.models("a"), scene.cards("a")], [["m"], [{ id: "m", max_model_len: 8 }]]);
});

Deno.test("Fleet notices that an engine was restarted with another model", async () => {
  await using scene = await sceneOf([engine("a")], { a: cards(["m"]) });
  scene.engines.replies.set("a", cards(["n"], 16));
  await scene.clock.advance(REFRESH_MS - 1);
  assertEquals(scene.models("a"), ["m"]);
  await scene.clock.advance(1);
  assertEquals(scene.models("a"), ["n"]);
  assertEquals(scene.fleet.snapshot().maxModelLen("n"), 16);
  assertEquals(scene.fleet.hasSeen("m"), true);
});

Deno.test("Fleet does not let one engine hold up another", async () => {
  await using scene = await sceneOf([engine("hangs"), engine("b")], { b: cards(["m"]) });
  await scene.clock.advance(REFRESH_MS);
  assertEquals(scene.models("b"), ["m"]);
  assertEquals(scene.engines.times("b").length, 2);
});

Deno.test("Fleet keeps what an engine served while it is silent", async () => {
  await using scene = await sceneOf([engine("a")], { a: cards(["m"]) });
  scene.engines.replies.set("a", DOWN);
  await scene.clock.advance(REFRESH_MS * 2);
  assertEquals([scene.models("a"), scene.fleet.snapshot().maxModelLen("m")], [["m"], undefined]);
});

Deno.test("Fleet asks an engine at once when its record becomes another", async () => {
  const source = ScriptedSource.of([engine("a")]);
  await using scene = new Scene({ a: cards(["m"]) });
  scene.follow(source);
  await scene.clock.advance(1_000);
  source.upsert(engine("a", [], { role: "decode" }));
  await scene.clock.advance(0);
  // Until it has answered, what it served stays known.
  assertEquals([scene.models("a"), scene.engines.times("a")], [["m"], [0, 1_000]]);
  scene.engines.replies.delete("a");
  source.upsert(engine("a", [], { role: "any" }));
  await scene.clock.advance(1_000);
  assertEquals([scene.models("a"), scene.engines.times("a")], [["m"], [0, 1_000, 1_250]]);
});

Deno.test("Fleet goes from configured models to those that are read, and back", async () => {
  const source = ScriptedSource.of([engine("a", ["m"])]);
  await using scene = new Scene({ a: cards(["m", "n"], 16) });
  scene.follow(source);
  await scene.clock.advance(1_000);
  source.upsert(engine("a"));
  await scene.clock.advance(0);
  assertEquals([scene.models("a"), scene.cards("a")], [["m", "n"], cards(["m", "n"], 16)]);
  source.upsert(engine("a", ["n"]));
  await settle();
  assertEquals([scene.models("a"), scene.cards("a")], [["n"], cards(["n"], 16)]);
});

Deno.test("Fleet asks an engine that has gone no more, and learns nothing from it", async () => {
  const source = ScriptedSource.of([engine("a")]);
  await using scene = new Scene();
  scene.follow(source);
  await settle();
  source.remove("a");
  await settle();
  const [waiting] = scene.engines.waiting;
  assertEquals([waiting?.signal.aborted, scene.clock.pending], [true, 0]);
  waiting?.answer.resolve(cards(["m"]));
  await scene.clock.advance(REFRESH_MS);
  assertEquals([scene.told, scene.ids], [["added a", "removed a", "forgotten a"], []]);
  assertEquals([scene.engines.times("a"), scene.fleet.hasSeen("m")], [[0], false]);
});

Deno.test("Fleet asks an engine afresh that comes again under its id", async () => {
  const source = ScriptedSource.of([engine("a")]);
  await using scene = new Scene();
  scene.follow(source);
  await settle();
  source.remove("a");
  source.upsert(engine("a"));
  await settle();
  const [former, latter] = scene.engines.waiting;
  assertEquals([former?.signal.aborted, latter?.signal.aborted], [true, false]);
  latter?.answer.resolve(cards(["n"]));
  await settle();
  assertEquals(scene.models("a"), ["n"]);
});

const FAILURES: readonly (readonly [code: ErrorCode | undefined, silent: boolean])[] = [
  ["upstream-unreachable", true],
  ["upstream-timeout", true],
  ["upstream-lost", true],
  ["upstream-protocol", true],
  [undefined, false],
];

for (const [code, silent] of FAILURES) {
  const what = silent ? "is silent" : "answers";
  Deno.test(`Fleet takes it that an engine ${what} after ${code ?? "another answer"}`, async () => {
    await using scene = await sceneOf([engine("a", ["m"]), engine("b", ["m"])], {
      a: cards(["m"]),
      b: cards(["m"]),
    });
    /** Who is gone around. */
    const shut = (): readonly string[] => {
      const serving = new Set(Array.from({ length: 4 }, () => scene.direct("m")));
      return ["a", "b"].filter((id) => !serving.has(id));
    };
    assertEquals(shut(), []);
    scene.engines.replies.set("a", code === undefined ? new NoModelList("404") : failure(code));
    await scene.clock.advance(REFRESH_MS);
    assertEquals(shut(), silent ? ["a"] : []);
    const ends = scene.outcomes.map(({ engine: { id }, end }) => `${id} ${end}`);
    assertEquals(ends, ["a ok", "b ok", `a ${silent ? "failed" : "ok"}`, "b ok"]);
    scene.engines.replies.set("a", cards(["m"]));
    await scene.clock.advance(500);
    assertEquals(shut(), []);
  });
}

Deno.test("Fleet gives work to a silent engine where there is no other", async () => {
  await using scene = await sceneOf([engine("a", ["m"])], { a: DOWN });
  assertEquals(scene.direct("m"), "a");
});

Deno.test("Fleet holds nothing against an engine that comes again under its id", async () => {
  const source = ScriptedSource.of([engine("a", ["m"]), engine("b", ["m"])]);
  await using scene = new Scene({ a: DOWN, b: cards(["m"]) });
  scene.follow(source);
  await settle();
  assertEquals([scene.direct("m"), scene.direct("m")], ["b", "b"]);
  scene.engines.replies.delete("a");
  source.remove("a");
  source.upsert(engine("a", ["m"]));
  await settle();
  assertEquals(new Set([scene.direct("m"), scene.direct("m")]), new Set(["a", "b"]));
});

Deno.test("Fleet.ask() asks all engines, or those that are named, whatever they answer", async () => {
  await using scene = await sceneOf([engine("a"), engine("b")], { a: cards(["m"]), b: DOWN });
  await scene.clock.advance(1_000);
  scene.engines.asked.length = 0;
  scene.engines.replies.set("a", cards(["m", "lora"]));
  const some = scene.fleet.ask(["a", "gone"]);
  await scene.clock.advance(0);
  await some;
  assertEquals([scene.engines.asked.map(([id]) => id), scene.models("a")], [["a"], ["m", "lora"]]);
  const all = scene.fleet.ask();
  await scene.clock.advance(250);
  await all;
  assertEquals(scene.engines.asked.map(([id]) => id).toSorted(), ["a", "a", "b"]);
});

Deno.test("Fleet.setAsleep() keeps requests from an engine until it is awake", async () => {
  const replies = { a: cards(["m"]), b: cards(["m", "n"]) };
  await using scene = await sceneOf([engine("a"), engine("b")], replies);
  const { fleet } = scene;
  const [, b] = fleet.snapshot().engines;
  assert(b !== undefined);
  scene.told.length = 0;
  fleet.setAsleep(b, true);
  fleet.setAsleep(b, true);
  assertEquals([scene.direct("m"), scene.direct("m"), scene.direct("n")], ["a", "a", undefined]);
  assertEquals([fleet.snapshot().serves("n"), fleet.hasSeen("n")], [false, true]);
  assertEquals(scene.models("b"), ["m", "n"]);
  assertEquals(fleet.snapshot().entries.map(({ asleep }) => asleep), [undefined, true]);
  // What it is asked by the fleet itself has nothing to do with it.
  const asked = fleet.ask(["b"]);
  await scene.clock.advance(250);
  await asked;
  assertEquals(scene.direct("n"), undefined);
  fleet.setAsleep(b, false);
  assertEquals(scene.direct("n"), "b");
  assertEquals(scene.told, ["changed b", "changed b"]);
  fleet.setAsleep({ ...b, url: "http://other" }, true);
  assertEquals(scene.direct("n"), "b");
});
