import type { FleetChange } from "../../lib/fleet/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { settle } from "../support/fake_clock.ts";
import { ScriptedSource } from "../support/scripted_source.ts";
import { cards, engine, Scene } from "./support.ts";

/** A scene whose fleet follows a source that the test goes on telling. */
function followed(
  ...args: ConstructorParameters<typeof Scene>
): { readonly scene: Scene; readonly source: ScriptedSource } {
  const scene = new Scene(...args);
  const source = new ScriptedSource();
  scene.follow(source);
  return { scene, source };
}

Deno.test("Fleet is empty at first", async () => {
  await using scene = new Scene();
  assertEquals([scene.ids, scene.fleet.inflight, scene.told], [[], 0, []]);
  assertEquals([scene.direct("m"), scene.fleet.hasSeen("m")], [undefined, false]);
});

Deno.test("Fleet has the engines its source tells of, ordered by URL", async () => {
  const { scene, source } = followed();
  await using _scene = scene;
  for (const id of ["b", "c", "a"]) source.upsert(engine(id, ["m"]));
  await settle();
  assertEquals(scene.ids, ["a", "b", "c"]);
  assertEquals(scene.told, ["added b", "added c", "added a"]);
  source.remove("b");
  await settle();
  assertEquals([scene.ids, scene.told.slice(3)], [["a", "c"], ["removed b", "forgotten b"]]);
});

Deno.test("Fleet takes no notice of ids that it does not know", async () => {
  const { scene, source } = followed();
  await using _scene = scene;
  source.upsert(engine("a", ["m"]));
  await settle();
  const held = scene.fleet.snapshot();
  source.remove("b");
  source.leaving("b");
  await settle();
  assert(scene.fleet.snapshot() === held, "nothing has changed");
  assertEquals([scene.told, scene.forgotten], [["added a"], []]);
});

Deno.test("Fleet goes on with an engine whose record is another one", async () => {
  const { scene, source } = followed();
  await using _scene = scene;
  source.upsert(engine("a", ["m"]));
  await settle();
  const created = scene.fleet.snapshot().entries[0]?.created;
  await scene.clock.advance(60_000);
  source.upsert(engine("a", ["n"], { role: "decode", kv: "nixl" }));
  await settle();
  assertEquals(scene.models("a"), ["n"]);
  assertEquals(scene.fleet.snapshot().find("a")?.role, "decode");
  assertEquals(scene.fleet.snapshot().entries[0]?.created, created);
  assertEquals([scene.told, scene.forgotten], [["added a", "changed a"], []]);
  assertEquals([scene.direct("m"), scene.direct("n")], [undefined, "a"]);
});

Deno.test("Fleet takes no notice of a record that it has already", async () => {
  const { scene, source } = followed({ a: cards(["m"]) });
  await using _scene = scene;
  source.upsert(engine("a"));
  await settle();
  const held = scene.fleet.snapshot();
  const told = [...scene.told];
  await scene.clock.advance(1_000);
  for (let round = 0; round < 3; round++) source.upsert(engine("a"));
  await scene.clock.advance(1_000);
  assert(scene.fleet.snapshot() === held, "nothing has changed");
  assertEquals([scene.told, scene.engines.times("a")], [told, [0]]);
});

Deno.test("Fleet takes an id under another URL for another engine", async () => {
  const { scene, source } = followed();
  await using _scene = scene;
  source.upsert(engine("a", ["m"]));
  await settle();
  using flight = scene.fleet.take(engine("a", ["m"]), "direct");
  await scene.clock.advance(2_000);
  source.upsert(engine("a", ["m"], { url: "http://elsewhere:1" }));
  await settle();
  assertEquals(scene.fleet.snapshot().engines.map(({ url }) => url), ["http://elsewhere:1"]);
  assertEquals(scene.fleet.snapshot().entries[0]?.created, 1_700_000_002);
  // What runs at the former address keeps it in mind.
  assertEquals([scene.told, scene.forgotten], [["added a", "removed a", "added a"], ["a"]]);
  flight.ok();
  assertEquals(scene.told.slice(3), ["forgotten a"]);
});

Deno.test("Fleet gives a leaving engine nothing more, and takes it back when it is told of", async () => {
  const { scene, source } = followed();
  await using _scene = scene;
  for (const id of ["a", "b"]) source.upsert(engine(id, ["m"]));
  source.leaving("a");
  source.leaving("a");
  await settle();
  for (let round = 0; round < 4; round++) assertEquals(scene.direct("m"), "b");
  source.leaving("b");
  await settle();
  // None is better than one that goes.
  assertEquals([scene.direct("m"), scene.ids], [undefined, ["a", "b"]]);
  assertEquals([scene.fleet.snapshot().serves("m"), scene.fleet.hasSeen("m")], [false, true]);
  source.upsert(engine("a", ["m"]));
  await settle();
  assertEquals(scene.direct("m"), "a");
  assertEquals(scene.told, ["added a", "added b", "leaving a", "leaving b", "changed a"]);
});

Deno.test("Fleet gives a leaving engine nothing, whatever its outcomes say of it", async () => {
  const { scene, source } = followed({ a: cards(["m"]) });
  await using _scene = scene;
  source.upsert(engine("a", ["m"]));
  source.leaving("a");
  await settle();
  scene.fleet.take(engine("a", ["m"]), "direct").ok();
  await scene.clock.advance(60_000);
  assertEquals([scene.direct("m"), scene.engines.times("a").length], [undefined, 3]);
});

Deno.test("Fleet decides nothing by what a leaving engine could do", async () => {
  const { scene, source } = followed();
  await using _scene = scene;
  const decode = { role: "decode", kv: "lmcache" } as const;
  source.upsert(engine("p", ["m"], { role: "prefill", kv: "lmcache" }));
  for (const id of ["d1", "d2"]) source.upsert(engine(id, ["m"], decode));
  await settle();
  const paired = (): readonly string[] =>
    scene.fleet.snapshot().group("m").paired.map(({ engine: { id } }) => id);
  assertEquals(paired(), ["d1", "d2"]);
  source.leaving("d1");
  await settle();
  assertEquals(paired(), ["d2"]);
  source.leaving("p");
  await settle();
  assertEquals(scene.fleet.snapshot().group("m").hasPair, false);
});

Deno.test("Fleet forgets an engine's leaving with the engine", async () => {
  const { scene, source } = followed();
  await using _scene = scene;
  source.upsert(engine("a", ["m"]));
  source.leaving("a");
  source.remove("a");
  source.upsert(engine("a", ["m"]));
  await settle();
  assertEquals(scene.direct("m"), "a");
});

Deno.test("Fleet.hasSeen() remembers what engines served that are gone", async () => {
  const { scene, source } = followed({ a: cards(["read"]) });
  await using _scene = scene;
  source.upsert(engine("a"));
  source.upsert(engine("b", ["configured"]));
  await settle();
  for (const id of ["a", "b"]) source.remove(id);
  await settle();
  const seen = ["read", "configured", "other"].map((model) => scene.fleet.hasSeen(model));
  assertEquals(seen, [true, true, false]);
});

Deno.test("Fleet has policies and health forget engines that have gone", async () => {
  const reported: string[] = [];
  const { scene, source } = followed({}, {
    health: {
      report: () => {},
      engine: () => ({ kind: "good" }),
      pair: () => ({ kind: "good" }),
      forget: (id) => void reported.push(id),
    },
  });
  await using _scene = scene;
  for (const id of ["a", "b"]) source.upsert(engine(id, ["m"]));
  source.remove("a");
  await settle();
  assertEquals([scene.forgotten, reported], [["a"], ["a"]]);
});

Deno.test("Fleet refuses engines beyond its limit, and has room again when one has gone", async () => {
  const { scene, source } = followed({}, { maxEngines: 2 });
  await using _scene = scene;
  for (const id of ["a", "b", "c"]) source.upsert(engine(id, ["m"]));
  await settle();
  assertEquals([scene.ids, scene.told], [["a", "b"], ["added a", "added b"]]);
  assertEquals(scene.written.messages(), ["error Engine left out: too many"]);
  assert(scene.written.lines[0]?.includes("http://c:8000"));
  // A record of one that is there needs no room, nor does another engine in its place.
  source.upsert(engine("a", ["n"]));
  source.upsert(engine("b", ["n"], { url: "http://elsewhere:1" }));
  source.remove("a");
  source.upsert(engine("c", ["m"]));
  await settle();
  assertEquals(scene.ids, ["c", "b"]);
  assertEquals(scene.engines.waiting.length, 4);
});

Deno.test("Fleet.watch() tells every change in its order, with the record, until disposed", async () => {
  const { scene, source } = followed();
  await using _scene = scene;
  const seen: FleetChange[] = [];
  const models = (): readonly string[] =>
    seen.map(({ kind, engine }) => `${kind} ${engine.id} ${engine.models}`);
  const watch = scene.fleet.watch((change) => void seen.push(change));
  source.upsert(engine("a"));
  await settle();
  scene.engines.waiting[0]?.answer.resolve(cards(["m"]));
  await settle();
  source.upsert(engine("a", ["n"]));
  source.leaving("a");
  source.remove("a");
  await settle();
  const all = ["added a ", "changed a m", "changed a n", "leaving a n", "removed a n"];
  assertEquals(models(), [...all, "forgotten a n"]);
  watch[Symbol.dispose]();
  source.upsert(engine("b", ["m"]));
  await settle();
  assertEquals(models().length, 6);
  assertEquals(scene.told.at(-1), "added b");
});

Deno.test("Fleet.watch() tells of a change when the view has it", async () => {
  const { scene, source } = followed();
  await using _scene = scene;
  const views: string[] = [];
  scene.fleet.watch(({ kind }) => views.push(`${kind} ${scene.ids} ${scene.direct("m")}`));
  source.upsert(engine("a", ["m"]));
  source.leaving("a");
  source.remove("a");
  await settle();
  assertEquals(views, [
    "added a a",
    "leaving a undefined",
    "removed  undefined",
    "forgotten  undefined",
  ]);
});

Deno.test("Fleet.choosePair() chooses by health, pairs included", async () => {
  const shut = new Set<string>(["p1 d1"]);
  const { scene, source } = followed({}, {
    health: {
      report: () => {},
      engine: () => ({ kind: "good" }),
      pair: (prefill, decode) =>
        shut.has(`${prefill} ${decode}`) ? { kind: "shut", why: "kv-timeout" } : { kind: "good" },
      forget: () => {},
    },
  });
  await using _scene = scene;
  for (const id of ["p1", "p2"]) source.upsert(engine(id, ["m"], { role: "prefill", kv: "nixl" }));
  for (const id of ["d1", "d2"]) source.upsert(engine(id, ["m"], { role: "decode", kv: "nixl" }));
  await settle();
  const pair = (): string => {
    const choice = scene.fleet.choosePair({ model: "m", attempt: 1, takes: () => true });
    if (choice.kind === "none") return `no ${choice.lacks}`;
    return `${choice.pair.prefill.id} ${choice.pair.decode.id}`;
  };
  const pairs = (): readonly string[] => [...new Set(Array.from({ length: 16 }, pair))].sort();
  assertEquals(pairs(), ["p1 d2", "p2 d1", "p2 d2"]);
  shut.clear();
  assertEquals(pairs(), ["p1 d1", "p1 d2", "p2 d1", "p2 d2"]);
  source.leaving("p1");
  source.leaving("d2");
  await settle();
  assertEquals(pairs(), ["p2 d1"]);
  for (const id of ["p1", "p2"]) source.remove(id);
  await settle();
  assertEquals(pairs(), ["no prefill"]);
  for (const id of ["d1", "d2"]) source.remove(id);
  await settle();
  assertEquals(pairs(), ["no receiver"]);
});

Deno.test("Fleet says which engines differ, and pairs them no more than it says", async () => {
  const differ = (prefill: string, decode: string): boolean => `${prefill}+${decode}` === "p+d";
  await using scene = new Scene({}, { fit: { in: () => differ } });
  const [p, d, e] = [
    engine("p", ["m"], { role: "prefill", kv: "nixl" }),
    engine("d", ["m"], { role: "decode", kv: "nixl" }),
    engine("e", ["m"], { role: "decode", kv: "nixl" }),
  ] as const;
  scene.follow(ScriptedSource.of([p, d, e]));
  await settle();
  const { fleet } = scene;
  assertEquals([fleet.differ(p, d), fleet.differ(p, e)], [true, false]);
  for (let asked = 0; asked < 4; asked++) {
    const choice = fleet.choosePair({ model: "m", takes: () => true, attempt: 1, exclude: [] });
    assertEquals(choice.kind === "pair" && choice.pair.decode.id, "e");
  }
});

Deno.test("Fleet says of no engines that they differ where nothing compares them", async () => {
  await using scene = new Scene();
  assertEquals(scene.fleet.differ(engine("p", ["m"]), engine("d", ["m"])), false);
});
