import type { Engine } from "../../lib/base/mod.ts";
import { type Candidate, idleCandidate, ModelGroup } from "../../lib/selection/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { candidate, engine, takes } from "./support.ts";

const FLEET = [
  candidate("a", "any"),
  candidate("d0", "decode", "lmcache"),
  candidate("d1", "decode", "nixl"),
  candidate("d2", "decode", "lmcache"),
  candidate("d3", "decode", "shared_storage"),
  candidate("p0", "prefill", "nixl"),
  candidate("p1", "prefill", "lmcache"),
  candidate("p2", "prefill", "lmcache"),
];

function ids(list: readonly Candidate[]): readonly string[] {
  return list.map(({ engine: { id } }) => id);
}

function group(fleet: readonly Candidate[] = FLEET): ModelGroup {
  return new ModelGroup(fleet, "m");
}

Deno.test("ModelGroup has the engines that serve a model, in their order", () => {
  const all = [engine("a", "any", ["m", "n"]), engine("b", "any", ["n"]), engine("c", "any", [])]
    .map(idleCandidate);
  assertEquals(ids(new ModelGroup(all, "n").direct), ["a", "b"]);
  assertEquals(ids(new ModelGroup(all, "m").direct), ["a"]);
  assertEquals(ids(new ModelGroup(all, "x").direct), []);
});

Deno.test("ModelGroup keeps roles apart: prefill engines serve nothing whole", () => {
  assertEquals(ids(group().direct), ["a", "d0", "d1", "d2", "d3"]);
  assertEquals(ids(group().decode), ["d0", "d1", "d2", "d3"]);
  assertEquals(ids(group().prefill), ["p0", "p1", "p2"]);
});

Deno.test("ModelGroup.partners() gives the prefill engines of the same protocol, known again", () => {
  const all = group();
  assertEquals(ids(all.partners(engine("x", "decode", ["m"], "lmcache"))), ["p1", "p2"]);
  assertEquals(ids(all.partners(engine("x", "decode", ["m"], "nixl"))), ["p0"]);
  assertEquals(ids(all.partners(engine("x", "decode", ["m"], "shared_storage"))), []);
  const of = (id: string): readonly Candidate[] => all.partners(engine(id, "decode"));
  assert(of("x") === of("y"));
});

Deno.test("ModelGroup.paired has the decode engines with a partner, or all when none has one", () => {
  assertEquals(ids(group().paired), ["d0", "d1", "d2"]);
  const alone = group(FLEET.filter(({ engine }) => engine.role !== "prefill"));
  assertEquals(ids(alone.paired), ["d0", "d1", "d2", "d3"]);
  assertEquals(ids(group([]).paired), []);
});

Deno.test("ModelGroup.taking() gives those of the decode engines that take, known again", () => {
  const all = group();
  const later = ({ id }: Engine): boolean => id > "d0";
  assertEquals(ids(all.taking(takes)), ["d0", "d1", "d2"]);
  assertEquals(ids(all.taking(later)), ["d1", "d2"]);
  assertEquals(
    ids(all.taking(({ id }) => id === "d3")),
    ["d3"],
    "better without a partner than not",
  );
  assertEquals(ids(all.taking(() => false)), []);
  const again = all.taking(later);
  assert(all.taking(later) === again);
});

Deno.test("ModelGroup.kin() gives the same by protocol, each with its prefill engines", () => {
  const all = group();
  const kin = all.kin(takes).map(({ kv, decode, prefill }) => [kv, ids(decode), ids(prefill)]);
  assertEquals(kin, [
    ["lmcache", ["d0", "d2"], ["p1", "p2"]],
    ["nixl", ["d1"], ["p0"]],
  ]);
  const alone = all.kin(({ id }) => id === "d3");
  assertEquals(alone.map(({ decode, prefill }) => [ids(decode), ids(prefill)]), [[["d3"], []]]);
  assertEquals(all.kin(() => false), []);
  const again = all.kin(takes);
  assert(all.kin(takes) === again);
});

Deno.test("ModelGroup.hasPair tells whether any KV can get anywhere", () => {
  assert(group().hasPair);
  const apart = FLEET.filter(({ engine: { id } }) => id === "d1" || id === "p1");
  assert(!group(apart).hasPair, "no protocol in common");
  assert(!group(FLEET.filter(({ engine: { role } }) => role !== "decode")).hasPair);
  assert(!group([]).hasPair);
});
