import { seededRandom } from "../../lib/base/mod.ts";
import { EngineDirectory } from "../../lib/discovery/mod.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";
import { engine, entry } from "./support.ts";

function idsIn(directory: EngineDirectory): readonly string[] {
  const { entries, engines } = directory.snapshot();
  assertEquals(entries.map((one) => one.engine), [...engines]);
  return engines.map(({ id }) => id);
}

Deno.test("EngineDirectory is empty at first", () => {
  assertEquals(idsIn(new EngineDirectory()), []);
});

Deno.test("EngineDirectory.upsert() adds an engine, and replaces the one with its id", () => {
  const directory = new EngineDirectory();
  directory.upsert(entry("a", ["m"]));
  directory.upsert(entry("b", ["m"]));
  const renewed = entry("a", ["n"]);
  directory.upsert(renewed);
  assertEquals(idsIn(directory), ["a", "b"]);
  assert(directory.snapshot().entries[0] === renewed);
});

Deno.test("EngineDirectory orders engines by URL in any order of changes", () => {
  const ids = ["e", "a", "d", "c", "b", "f"];
  for (let seed = 1; seed <= 20; seed++) {
    const random = seededRandom(seed);
    const directory = new EngineDirectory();
    const there = new Set<string>();
    for (let step = 0; step < 60; step++) {
      const id = ids[Math.floor(random.next() * ids.length)] ?? "a";
      if (random.next() < 0.3) {
        directory.remove(id);
        there.delete(id);
      } else {
        directory.upsert(entry(id, ["m"]));
        there.add(id);
      }
      assertEquals(idsIn(directory), [...there].sort());
    }
  }
});

Deno.test("EngineDirectory orders by URL, whatever the ids", () => {
  const directory = new EngineDirectory();
  const at = (id: string, url: string): void =>
    directory.upsert({ engine: { ...engine(id), url }, cards: [], created: 0 });
  at("a", "http://z:1");
  at("b", "http://y:1");
  assertEquals(idsIn(directory), ["b", "a"]);
  at("a", "http://x:1");
  assertEquals(idsIn(directory), ["a", "b"]);
});

Deno.test("EngineDirectory.setSilent() marks an engine until it is heard of, or gone", () => {
  const directory = new EngineDirectory();
  for (const id of ["a", "b"]) directory.upsert(entry(id, ["m"]));
  const silent = (): readonly string[] => [...directory.snapshot().silent];
  const before = directory.snapshot();
  directory.setSilent("a", false);
  assert(directory.snapshot() === before, "nothing has changed");
  directory.setSilent("a", true);
  directory.setSilent("b", true);
  directory.upsert(entry("a", ["n"]));
  assertEquals([silent(), [...before.silent]], [["a", "b"], []]);
  directory.setSilent("a", false);
  assertEquals(silent(), ["b"]);
  directory.remove("b");
  assertEquals(silent(), []);
});

Deno.test("EngineDirectory.remove() of an unknown id changes nothing", () => {
  const directory = new EngineDirectory();
  directory.upsert(entry("a", ["m"]));
  directory.remove("b");
  assertEquals(idsIn(directory), ["a"]);
});

Deno.test("EngineDirectory.snapshot() stays as it was when engines come and go", () => {
  const directory = new EngineDirectory();
  directory.upsert(entry("a", ["m"]));
  const held = directory.snapshot();
  directory.upsert(entry("b", ["m"]));
  directory.upsert(entry("a", ["n"]));
  directory.remove("a");
  assertEquals(held.engines.map(({ id, models }) => [id, ...models]), [["a", "m"]]);
  assertEquals(held.entries.length, 1);
});

Deno.test("EngineDirectory.snapshot() cannot be changed, not even the first", () => {
  const directory = new EngineDirectory();
  const first = directory.snapshot();
  directory.upsert(entry("a", ["m"]));
  for (const snapshot of [first, directory.snapshot()]) {
    for (const part of [snapshot, snapshot.entries, snapshot.engines]) {
      assert(Object.isFrozen(part));
      assertThrows(() => Object.assign(part, { 0: 1 }), TypeError);
    }
  }
});

Deno.test("EngineDirectory.hasSeen() remembers models of engines that have gone or changed", () => {
  const directory = new EngineDirectory();
  assertEquals(directory.hasSeen("m"), false);
  directory.upsert(entry("a", ["m", "n"]));
  assertEquals(["m", "n", "o"].map((model) => directory.hasSeen(model)), [true, true, false]);
  directory.upsert(entry("a", ["o"]));
  directory.remove("a");
  assertEquals(["m", "n", "o"].map((model) => directory.hasSeen(model)), [true, true, true]);
});

Deno.test("EngineDirectory.hasSeen() goes by what engines serve, not by their cards", () => {
  const directory = new EngineDirectory();
  directory.upsert({ engine: engine("a", ["m"]), cards: [{ id: "n" }], created: 0 });
  assertEquals([directory.hasSeen("m"), directory.hasSeen("n")], [true, false]);
});

Deno.test("EngineDirectory.maxModelLen() is the least that the engines say", () => {
  const directory = new EngineDirectory();
  assertEquals(directory.maxModelLen("m"), undefined);
  directory.upsert(entry("a", ["m"]));
  assertEquals(directory.maxModelLen("m"), undefined);
  directory.upsert(entry("b", ["m", "n"], 4096));
  directory.upsert(entry("c", ["m"], 2048));
  directory.upsert(entry("d", ["n"], 1024));
  assertEquals(directory.maxModelLen("m"), 2048);
  assertEquals(directory.maxModelLen("n"), 1024);
  assertEquals(directory.maxModelLen("o"), undefined);
  directory.remove("c");
  assertEquals(directory.maxModelLen("m"), 4096);
});

Deno.test("EngineDirectory.maxModelLen() passes over cards that do not say", () => {
  const directory = new EngineDirectory();
  const cards = [{ id: "m", max_model_len: null }, { id: "m" }];
  directory.upsert({ engine: engine("a", ["m"]), cards, created: 0 });
  assertEquals(directory.maxModelLen("m"), undefined);
});
