import fc from "fast-check";
import type { Engine } from "../../lib/base/mod.ts";
import {
  type AvoidingAsk,
  type Pair,
  type Policies,
  roundRobin,
  selectDirect,
  selectPair,
  serving,
} from "../../lib/selection/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { engine } from "./support.ts";

function policies(): Policies {
  return { prefill: roundRobin(), decode: roundRobin(), direct: roundRobin() };
}

const FLEET = [
  engine("d0", "decode"),
  engine("d1", "decode"),
  engine("p0", "prefill"),
  engine("p1", "prefill"),
  engine("p2", "prefill"),
];

/** Decode engines that have a place for KV can take it. */
function receives({ nixl }: Engine): boolean {
  return nixl !== undefined;
}

function pairOf(
  engines: readonly Engine[],
  chosen: Policies = policies(),
  ask: Partial<AvoidingAsk> = {},
): Pair {
  const choice = selectPair(engines, chosen, { model: "m", receives, ...ask });
  assert(choice.kind === "pair", JSON.stringify(choice));
  return choice.pair;
}

Deno.test("serving() gives the engines that serve a model, in their order", () => {
  const all = [engine("a", "any", ["m", "n"]), engine("b", "any", ["n"]), engine("c", "any", [])];
  assertEquals(serving(all, "n").map(({ id }) => id), ["a", "b"]);
  assertEquals(serving(all, "m").map(({ id }) => id), ["a"]);
  assertEquals(serving(all, "x"), []);
});

Deno.test("selectPair() takes a turn among prefill and among decode engines, independently", () => {
  const chosen = policies();
  const pairs = Array.from({ length: 6 }, () => pairOf(FLEET, chosen));
  assertEquals(pairs.map(({ prefill, decode }) => `${prefill.id} ${decode.id}`), [
    "p0 d0",
    "p1 d1",
    "p2 d0",
    "p0 d1",
    "p1 d0",
    "p2 d1",
  ]);
});

Deno.test("selectPair() leaves the turns as they are when a request is tried again", () => {
  const chosen = policies();
  const fleet = FLEET.filter(({ id }) => id !== "p2");
  const counts = new Map<string, number>();
  const count = (key: string): void => void counts.set(key, (counts.get(key) ?? 0) + 1);
  for (let request = 0; request < 40; request++) {
    let pair = pairOf(fleet, chosen);
    if (pair.prefill.id === "p1") { // It is down.
      count("down");
      pair = pairOf(fleet, chosen, { avoid: new Set(["p1"]), tried: pair });
    }
    count(pair.prefill.id);
    count(pair.decode.id);
  }
  assertEquals(Object.fromEntries(counts), { p0: 40, d0: 20, down: 20, d1: 20 });
});

Deno.test("selectDirect() leaves the turns as they are when a request is tried again", () => {
  const chosen = policies();
  const fleet = [engine("a", "any"), engine("b", "any")];
  let down = 0;
  for (let request = 0; request < 40; request++) {
    if (selectDirect(fleet, chosen, { model: "m" })?.id !== "b") continue;
    down++;
    assertEquals(selectDirect(fleet, chosen, { model: "m", avoid: new Set(["b"]) })?.id, "a");
  }
  assertEquals(down, 20);
});

Deno.test("selectPair() goes around silent engines while there are others", () => {
  const chosen = policies();
  const seen = (silent: readonly string[], avoid: readonly string[] = []): readonly string[] => {
    const ids = new Set<string>();
    for (let round = 0; round < 12; round++) {
      const ask = { silent: new Set(silent), avoid: new Set(avoid) };
      const { prefill, decode } = pairOf(FLEET, chosen, ask);
      ids.add(prefill.id).add(decode.id);
    }
    return [...ids].sort();
  };
  assertEquals(seen(["d0", "p1"]), ["d1", "p0", "p2"]);
  assertEquals(seen(["d0", "d1"]), ["d0", "d1", "p0", "p1", "p2"]);
  assertEquals(seen(["d1"], ["d0"]), ["d1", "p0"], "better silent than just failed");
  const one = selectDirect(FLEET, chosen, { model: "m", silent: new Set(["d0"]) });
  assertEquals(one?.id, "d1");
});

const { nixl: _nixl, ...withoutNixl } = engine("d0", "decode");

const NONE: readonly (readonly [
  name: string,
  engines: readonly Engine[],
  lacks: "prefill" | "receiver",
])[] = [
  ["no engines", [], "receiver"],
  ["prefill engines alone", [engine("p", "prefill")], "receiver"],
  ["a decode engine that cannot receive", [withoutNixl, engine("p", "prefill")], "receiver"],
  ["decode engines alone", [engine("d", "decode")], "prefill"],
  ["no prefill engine of the model", [
    engine("d", "decode"),
    engine("p", "prefill", ["n"]),
  ], "prefill"],
  ["no decode engine of the model", [
    engine("d", "decode", ["n"]),
    engine("p", "prefill"),
  ], "receiver"],
];

for (const [name, engines, lacks] of NONE) {
  Deno.test(`selectPair() says what is lacking with ${name}`, () => {
    assertEquals(selectPair(engines, policies(), { model: "m", receives }), {
      kind: "none",
      lacks,
    });
  });
}

Deno.test("selectPair() takes decode engines that can receive alone, even where they are to be avoided", () => {
  const pairs = Array.from({ length: 2 }, () => {
    const choice = selectPair(FLEET, policies(), {
      model: "m",
      receives: ({ id }) => id === "d1",
      avoid: new Set(["d1"]),
    });
    assert(choice.kind === "pair", JSON.stringify(choice));
    return choice.pair.decode.id;
  });
  assertEquals(pairs, ["d1", "d1"]);
});

Deno.test("selectPair() goes around engines to avoid, on each side alone", () => {
  const pair = pairOf(FLEET, policies(), { avoid: new Set(["p0", "p1", "d0"]) });
  assertEquals([pair.prefill.id, pair.decode.id], ["p2", "d1"]);
});

Deno.test("selectPair() takes an engine to avoid when there is no other", () => {
  const pair = pairOf(FLEET, policies(), { avoid: new Set(["p0", "p1", "p2", "d1"]) });
  assertEquals([pair.prefill.id, pair.decode.id], ["p0", "d0"]);
});

Deno.test("selectDirect() never takes a prefill engine, even when there is no other", () => {
  const chosen = policies();
  const picks = Array.from(
    { length: 4 },
    () => selectDirect(FLEET, chosen, { model: "m" })?.id,
  );
  assertEquals(picks, ["d0", "d1", "d0", "d1"]);
  const prefill = FLEET.filter(({ role }) => role === "prefill");
  assertEquals(selectDirect(prefill, policies(), { model: "m" }), undefined);
  const avoid = new Set(["d0", "d1"]);
  assertEquals(selectDirect(FLEET, policies(), { model: "m", avoid })?.id, "d0");
});

Deno.test("selectDirect() and selectPair() pass the session key and the model to their policy", () => {
  const asks: (string | undefined)[] = [];
  const spy = (name: string): Policies["direct"] => ({
    pick(candidates, ask) {
      asks.push(`${name} ${ask.model} ${ask.sessionKey} ${candidates.map(({ id }) => id).join()}`);
      return candidates[0];
    },
  });
  const spied = { prefill: spy("prefill"), decode: spy("decode"), direct: spy("direct") };
  selectPair(FLEET, spied, { model: "m", receives, sessionKey: "s" });
  selectDirect(FLEET, spied, { model: "m", sessionKey: "t" });
  assertEquals(asks, ["decode m s d0,d1", "prefill m s p0,p1,p2", "direct m t d0,d1"]);
});

const fleet = fc.uniqueArray(
  fc.record({
    id: fc.constantFrom("a", "b", "c", "d", "e", "f"),
    role: fc.constantFrom("prefill" as const, "decode" as const, "any" as const),
    models: fc.subarray(["m", "n"]),
    receives: fc.boolean(),
  }),
  { selector: ({ id }) => id, maxLength: 6 },
).map((drafts) =>
  drafts.map(({ id, role, models, receives }): Engine => {
    const { nixl, ...rest } = engine(id, role, models);
    return nixl !== undefined && receives ? { ...rest, nixl } : rest;
  })
);

const avoid = fc.subarray(["a", "b", "c", "d", "e", "f"]).map((ids) => new Set(ids));

/** Fail unless `picked` is one of `able`, to be avoided only when all are. */
function checkPick(picked: Engine, able: readonly Engine[], avoided: ReadonlySet<string>): void {
  assert(able.includes(picked));
  assert(!avoided.has(picked.id) || able.every(({ id }) => avoided.has(id)));
}

Deno.test("selectPair() and selectDirect() keep to roles, models and what to avoid in any fleet", () => {
  const ends = new Map<string, number>();
  fc.assert(
    fc.property(fleet, avoid, (engines, avoided) => {
      const able = engines.filter(({ models }) => models.includes("m"));
      const senders = able.filter(({ role }) => role === "prefill");
      const receivers = able.filter(({ role, nixl }) => role === "decode" && nixl !== undefined);
      const whole = able.filter(({ role }) => role !== "prefill");
      const choice = selectPair(engines, policies(), { model: "m", receives, avoid: avoided });
      ends.set(choice.kind, (ends.get(choice.kind) ?? 0) + 1);
      if (choice.kind === "pair") {
        checkPick(choice.pair.prefill, senders, avoided);
        checkPick(choice.pair.decode, receivers, avoided);
      } else assertEquals((choice.lacks === "receiver" ? receivers : senders).length, 0);
      const direct = selectDirect(engines, policies(), { model: "m", avoid: avoided });
      if (direct === undefined) assertEquals(whole.length, 0);
      else checkPick(direct, whole, avoided);
    }),
    { seed: 2026, numRuns: 1_000 },
  );
  assert((ends.get("pair") ?? 0) > 50 && (ends.get("none") ?? 0) > 50, `${[...ends]}`);
});
