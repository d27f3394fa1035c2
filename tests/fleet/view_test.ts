import { type EngineEntry, FleetView } from "../../lib/fleet/mod.ts";
import { idleCandidate } from "../../lib/selection/mod.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";
import { cards, engine } from "./support.ts";

/** An entry of an engine that serves `models`, with a card per model. */
function entry(
  id: string,
  models: readonly string[],
  maxModelLen?: number,
  more: Parameters<typeof engine>[2] = {},
): EngineEntry {
  return { engine: engine(id, models, more), cards: cards(models, maxModelLen), created: 17 };
}

function view(entries: readonly EngineEntry[]): FleetView {
  return new FleetView(entries, entries.map(({ engine }) => idleCandidate(engine)));
}

/** A role that serves no whole request. */
const PREFILL = { role: "prefill" } as const;

Deno.test("FleetView has its engines in the order of its entries", () => {
  const { entries, engines } = view([entry("a", ["m"]), entry("b", ["n"])]);
  assertEquals(engines.map(({ id }) => id), ["a", "b"]);
  assertEquals(entries.map((one) => one.engine), [...engines]);
});

Deno.test("FleetView of nothing serves nothing", () => {
  const none = view([]);
  assertEquals([none.engines, none.serves("m"), none.maxModelLen("m")], [[], false, undefined]);
  assertEquals(none.group("m").direct, []);
});

Deno.test("FleetView cannot be changed", () => {
  for (const one of [view([]), view([entry("a", ["m"])])]) {
    for (const part of [one, one.entries, one.engines]) {
      assert(Object.isFrozen(part));
      assertThrows(() => Object.assign(part, { 0: 1 }), TypeError);
    }
  }
});

Deno.test("FleetView.find() knows engines by id, and no other", () => {
  const one = view([entry("a", ["m"]), entry("b", [])]);
  assert(one.find("b") === one.engines[1]);
  assertEquals(["c", "", "http://a:8000"].map((id) => one.find(id)), [
    undefined,
    undefined,
    undefined,
  ]);
});

Deno.test("FleetView.serves() goes by what engines serve, not by their cards", () => {
  const one = view([{ ...entry("a", ["m"]), cards: cards(["n"]) }]);
  assertEquals([one.serves("m"), one.serves("n")], [true, false]);
});

Deno.test("FleetView.serves() models of prefill engines too: theirs are handed off", () => {
  const one = view([entry("a", ["m"], undefined, PREFILL)]);
  assertEquals([one.serves("m"), one.group("m").direct], [true, []]);
});

Deno.test("FleetView.group() sorts engines out once for each model that is served", () => {
  const one = view([
    entry("a", ["m"], undefined, PREFILL),
    entry("b", ["m", "n"], undefined, { role: "decode" }),
    entry("c", ["n"]),
  ]);
  const ids = (list: readonly { readonly engine: { readonly id: string } }[]): string[] =>
    list.map(({ engine }) => engine.id);
  const { prefill, decode, direct } = one.group("m");
  assertEquals([ids(prefill), ids(decode), ids(direct)], [["a"], ["b"], ["b"]]);
  assertEquals(ids(one.group("n").direct), ["b", "c"]);
  const [served, madeUp] = [one.group("m"), one.group("o")];
  assert(one.group("m") === served, "it is kept");
  // Clients make up names: these are not kept.
  assert(one.group("o") !== madeUp);
});

Deno.test("FleetView.group() has those alone that may get requests", () => {
  const entries = [entry("a", ["m"]), entry("b", ["m"])];
  const candidates = entries.slice(1).map(({ engine }) => idleCandidate(engine));
  const one = new FleetView(entries, candidates);
  assertEquals(one.group("m").direct.map(({ engine: { id } }) => id), ["b"]);
  assertEquals([one.engines.length, one.find("a")?.id], [2, "a"]);
  const none = new FleetView(entries, []);
  assertEquals([none.serves("m"), none.engines.length], [false, 2]);
});

Deno.test("FleetView.maxModelLen() is the least that the engines say", () => {
  const all = [
    entry("a", ["m"]),
    entry("b", ["m", "n"], 4096),
    entry("c", ["m"], 2048),
    entry("d", ["n"], 1024),
  ];
  const lengths = (one: FleetView): unknown => ["m", "n", "o"].map((name) => one.maxModelLen(name));
  assertEquals(lengths(view(all.slice(0, 1))), [undefined, undefined, undefined]);
  assertEquals(lengths(view(all)), [2048, 1024, undefined]);
  assertEquals(lengths(view(all)), [2048, 1024, undefined]);
  assertEquals(lengths(view(all.filter((_, index) => index !== 2))), [4096, 1024, undefined]);
});

Deno.test("FleetView.maxModelLen() passes over cards that do not say", () => {
  const said = [{ id: "m", max_model_len: null }, { id: "m" }];
  const one = view([{ ...entry("a", ["m"]), cards: said }]);
  assertEquals([one.maxModelLen("m"), one.maxModelLen("m")], [undefined, undefined]);
});
