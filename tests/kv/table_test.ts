import { type Engine, KV_NAMES, type Mode } from "../../lib/base/mod.ts";
import { KV_TABLE, type KvProtocols, KvTable } from "../../lib/kv/mod.ts";
import { idleCandidate } from "../../lib/selection/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { engine, RECEIVER } from "./support.ts";

/** An LMCache decode engine that takes `modes`. */
function lmcacheDecode(id: string, modes: readonly Mode[]): Engine {
  return engine(id, { nixl: { ...RECEIVER, modes } });
}

const P1 = lmcacheDecode("p1", ["p1"]);
const D1 = lmcacheDecode("d1", ["d1"]);
const BOTH = lmcacheDecode("both", ["d1", "p1"]);
const NO_RECEIVER = engine("no-receiver");
const NIXL = engine("nixl", { kv: "nixl" });
const STORE = engine("store", { kv: "shared_storage" });
const NONE = engine("none", { kv: "none" });
/** What is said of a receiver means nothing where no KV moves. */
const NONE_RECEIVING = engine("none-receiving", { kv: "none", nixl: RECEIVER });

const ALL = [P1, D1, BOTH, NO_RECEIVER, NIXL, STORE, NONE, NONE_RECEIVING];

function ids(engines: readonly Engine[]): readonly string[] {
  return engines.map(({ id }) => id);
}

Deno.test("KvTable.of() finds the protocol of each name, and none where no KV moves", () => {
  const routes = KV_NAMES.map((kv) => KV_TABLE.of(engine("d", { kv }))?.traits.route);
  assertEquals(routes, ["handoff_d1", "handoff_nixl", "handoff_shared_storage"]);
  for (const one of [NONE, NONE_RECEIVING]) assertEquals(KV_TABLE.of(one), undefined);
  const prefill = engine("p", { role: "prefill", kv: "nixl" });
  assert(KV_TABLE.of(prefill) === KV_TABLE.of(NIXL));
});

Deno.test("KvTable.of() gives the protocols it was made of", () => {
  const of = (kv: Engine["kv"]) => KV_TABLE.of(engine("d", { kv }));
  const [lmcache, nixl] = [of("lmcache"), of("nixl")];
  assert(lmcache !== undefined && nixl !== undefined);
  const protocols: KvProtocols = { lmcache: nixl, nixl: lmcache, shared_storage: nixl };
  const table = new KvTable(protocols);
  assert(table.of(NIXL) === lmcache);
  assert(table.of(STORE) === nixl);
});

const MODES_OF: readonly (readonly [engines: readonly Engine[], modes: readonly Mode[]])[] = [
  [[], []],
  [[P1], ["p1"]],
  [[D1], ["d1"]],
  [[BOTH], ["p1", "d1"]],
  [[D1, P1], ["p1", "d1"]],
  [[NO_RECEIVER], []],
  [[NIXL], ["d1"]],
  [[STORE], ["d1"]],
  [[STORE, P1], ["p1", "d1"]],
  [[NONE, NONE_RECEIVING], []],
];

for (const [engines, modes] of MODES_OF) {
  Deno.test(`KvTable.modesOf() gives ${modes} for ${ids(engines)}`, () => {
    assertEquals([...KV_TABLE.modesOf(engines.map(idleCandidate))], modes);
  });
}

const TAKES: readonly (readonly [mode: Mode, readsAgain: boolean, takes: readonly Engine[]])[] = [
  ["p1", false, [P1, BOTH]],
  // LMCache's receiver gives its pages up to the first request that reads them.
  ["p1", true, []],
  ["d1", false, [D1, BOTH, NIXL, STORE]],
  ["d1", true, [NIXL, STORE]],
];

for (const [mode, readsAgain, takes] of TAKES) {
  Deno.test(`KvTable.takes() takes ${ids(takes)} in ${mode}, reads again: ${readsAgain}`, () => {
    assertEquals(ids(ALL.filter(KV_TABLE.takes(mode, readsAgain))), ids(takes));
  });
}

Deno.test("KvTable.takes() gives one function for the same arguments, another for others", () => {
  const asked = TAKES.map(([mode, readsAgain]) => [mode, readsAgain] as const);
  const first = asked.map(([mode, readsAgain]) => KV_TABLE.takes(mode, readsAgain));
  const second = asked.map(([mode, readsAgain]) => KV_TABLE.takes(mode, readsAgain));
  assertEquals(new Set(first).size, asked.length);
  assert(first.every((takes, at) => takes === second[at]));
});

Deno.test("KvTable.rereads() holds where one of the engines can read KV again", () => {
  const rereads = (...engines: readonly Engine[]): boolean =>
    KV_TABLE.rereads(engines.map(idleCandidate));
  assertEquals(ALL.filter((one) => rereads(one)).map(({ id }) => id), ["nixl", "store"]);
  assertEquals([rereads(), rereads(P1, NONE), rereads(P1, NIXL)], [false, false, true]);
});

Deno.test("KvTable.holds() holds where KV waits at one of the decode engines", () => {
  const holding = ALL.filter((one) => KV_TABLE.holds([one]));
  assertEquals(ids(holding), ["p1", "d1", "both", "no-receiver"]);
  assertEquals(KV_TABLE.holds([]), false);
  assertEquals(KV_TABLE.holds([NIXL, NONE]), false);
  assertEquals(KV_TABLE.holds([NIXL, BOTH]), true);
  for (const role of ["prefill", "any"] as const) {
    assertEquals(KV_TABLE.holds([engine("other", { role, nixl: RECEIVER })]), false);
  }
});
