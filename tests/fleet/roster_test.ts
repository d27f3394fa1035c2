import { type Engine, seededRandom } from "../../lib/base/mod.ts";
import { LiveEngine } from "../../lib/fleet/live_engine.ts";
import { Roster } from "../../lib/fleet/roster.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { cards, engine } from "./support.ts";

function live(record: Engine): LiveEngine {
  return new LiveEngine(record, 17);
}

function idsIn({ view }: Roster): readonly string[] {
  assertEquals(view.entries.map((one) => one.engine), [...view.engines]);
  return view.engines.map(({ id }) => id);
}

/** A roster of engines that serve `models`. */
function roster(engines: Readonly<Record<string, readonly string[]>>): Roster {
  const made = new Roster();
  for (const [id, models] of Object.entries(engines)) made.add(live(engine(id, models)));
  return made;
}

Deno.test("Roster is empty at first", () => {
  const none = new Roster();
  assertEquals([idsIn(none), none.size, none.get("a")], [[], 0, undefined]);
});

Deno.test("Roster.get() finds engines by id, of() those of the same address alone", () => {
  const made = roster({ a: ["m"] });
  const there = made.get("a");
  assert(there !== undefined && made.of(engine("a", ["another"])) === there);
  assertEquals(made.of(engine("a", ["m"], { url: "http://b:8000" })), undefined);
  assertEquals(made.of(engine("b")), undefined);
});

Deno.test("Roster orders engines by URL in any order of changes", () => {
  const ids = ["e", "a", "d", "c", "b", "f"];
  for (let seed = 1; seed <= 20; seed++) {
    const random = seededRandom(seed);
    const made = new Roster();
    const there = new Set<string>();
    for (let step = 0; step < 60; step++) {
      const id = ids[Math.floor(random.next() * ids.length)] ?? "a";
      const known = made.get(id);
      if (known === undefined) made.add(live(engine(id, ["m"])));
      else made.delete(known);
      if (known === undefined) there.add(id);
      else there.delete(id);
      // Not asked for after every change: they come in swarms.
      if (random.next() < 0.5) assertEquals(idsIn(made), [...there].sort());
      assertEquals(made.size, there.size);
    }
    assertEquals(idsIn(made), [...there].sort());
  }
});

Deno.test("Roster orders by URL, whatever the ids, and by these where URLs are the same", () => {
  const made = new Roster();
  const at = (id: string, url: string): void => made.add(live(engine(id, ["m"], { url })));
  at("a", "http://z:1");
  at("c", "http://y:1");
  at("b", "http://y:1");
  assertEquals(idsIn(made), ["b", "c", "a"]);
});

Deno.test("Roster.view is the same as long as nothing has changed", () => {
  const made = roster({ a: ["m"], b: ["m"] });
  const held = made.view;
  assert(made.view === held);
  const known = made.get("a");
  assert(known !== undefined);
  made.renew(known);
  assert(made.view !== held);
});

Deno.test("Roster.view stays as it was when engines come and go", () => {
  const made = roster({ a: ["m"] });
  const held = made.view;
  const known = made.get("a");
  assert(known !== undefined);
  made.add(live(engine("b", ["m"])));
  known.configure(engine("a", ["n"]));
  made.renew(known);
  made.delete(known);
  assertEquals(held.engines.map(({ id, models }) => [id, ...models]), [["a", "m"]]);
  assertEquals(held.entries.length, 1);
  assertEquals(idsIn(made), ["b"]);
});

Deno.test("Roster.view tells what engines have learnt once they are renewed", () => {
  const made = roster({ a: [] });
  const known = made.get("a");
  assert(known !== undefined);
  known.learn(cards(["m"], 8));
  made.renew(known);
  assertEquals([made.view.find("a")?.models, made.view.maxModelLen("m")], [["m"], 8]);
});

Deno.test("Roster.view lists engines that are leaving, and gives them no requests", () => {
  const made = roster({ a: ["m"], b: ["m"] });
  const known = made.get("a");
  assert(known !== undefined);
  const direct = (): readonly string[] =>
    made.view.group("m").direct.map(({ engine: { id } }) => id);
  assertEquals(direct(), ["a", "b"]);
  known.leaving = true;
  made.renew(known);
  assertEquals([direct(), idsIn(made)], [["b"], ["a", "b"]]);
  known.leaving = false;
  made.renew(known);
  assertEquals(direct(), ["a", "b"]);
});

Deno.test("Roster.hasSeen() remembers models of engines that have gone or changed", () => {
  const made = new Roster();
  assertEquals(made.hasSeen("m"), false);
  const known = live(engine("a", ["m", "n"]));
  made.add(known);
  assertEquals(["m", "n", "o"].map((model) => made.hasSeen(model)), [true, true, false]);
  known.configure(engine("a", ["o"]));
  made.renew(known);
  made.delete(known);
  assertEquals(["m", "n", "o"].map((model) => made.hasSeen(model)), [true, true, true]);
});

Deno.test("Roster.hasSeen() goes by what engines serve, not by their cards", () => {
  const made = new Roster();
  const known = live(engine("a", ["m"]));
  known.cards = cards(["n"]);
  made.add(known);
  assertEquals([made.hasSeen("m"), made.hasSeen("n")], [true, false]);
});

Deno.test("Roster.hasSeen() remembers 10,000 models, the latest", () => {
  const made = roster({ a: Array.from({ length: 10_001 }, (_, index) => `m${index}`) });
  assertEquals(["m0", "m1", "m10000"].map((model) => made.hasSeen(model)), [false, true, true]);
});
