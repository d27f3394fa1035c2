import type { Engine } from "../../lib/base/mod.ts";
import { type Policy, roundRobin, sessionAffinity } from "../../lib/selection/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { type Engines, engines } from "./support.ts";

const KEYS = Array.from({ length: 3_000 }, (_, index) => `session-${index}`);

/** Where each key goes. */
function placed(policy: Policy, candidates: Engines): ReadonlyMap<string, string> {
  return new Map(
    KEYS.map((sessionKey) => [sessionKey, policy.pick(candidates, { model: "m", sessionKey }).id]),
  );
}

function without(all: Engines, gone: Engine): Engines {
  const [first, ...rest] = all.filter((engine) => engine !== gone);
  assert(first !== undefined);
  return [first, ...rest];
}

Deno.test("sessionAffinity() sends one key to one engine, in any instance", () => {
  const all = engines(5);
  const policy = sessionAffinity(roundRobin());
  const first = placed(policy, all);
  assertEquals(placed(policy, all), first);
  assertEquals(placed(sessionAffinity(roundRobin()), all), first);
});

Deno.test("sessionAffinity() does not depend on the order of the candidates", () => {
  const [first, ...rest] = engines(5).toReversed();
  assert(first !== undefined);
  assertEquals(
    placed(sessionAffinity(roundRobin()), [first, ...rest]),
    placed(sessionAffinity(roundRobin()), engines(5)),
  );
});

Deno.test("sessionAffinity() spreads keys over the engines", () => {
  const counts = new Map<string, number>();
  for (const id of placed(sessionAffinity(roundRobin()), engines(5)).values()) {
    counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  assertEquals(counts.size, 5);
  const fair = KEYS.length / 5;
  for (const [id, count] of counts) {
    assert(count > fair * 0.6 && count < fair * 1.4, `${id} has ${count} of ${KEYS.length}`);
  }
});

Deno.test("sessionAffinity() moves only the keys of an engine that leaves, and back when it returns", () => {
  const all = engines(5);
  const policy = sessionAffinity(roundRobin());
  const before = placed(policy, all);
  for (const gone of all) {
    const after = placed(policy, without(all, gone));
    for (const [key, id] of before) {
      if (id === gone.id) assert(after.get(key) !== id);
      else assertEquals(after.get(key), id);
    }
    // The leaving engine's keys go to more than one of the others.
    const heirs = KEYS.filter((key) => before.get(key) === gone.id).map((key) => after.get(key));
    assert(new Set(heirs).size > 1);
    assertEquals(placed(policy, all), before);
  }
});

Deno.test("sessionAffinity() moves keys only to an engine that comes, and not too many", () => {
  const policy = sessionAffinity(roundRobin());
  const all = engines(6);
  const [coming] = all.slice(-1);
  assert(coming !== undefined);
  const before = placed(policy, without(all, coming));
  const after = placed(policy, all);
  const moved = KEYS.filter((key) => before.get(key) !== after.get(key));
  assertEquals(moved.filter((key) => after.get(key) !== coming.id), []);
  assert(moved.length > 0 && moved.length < (KEYS.length / 6) * 1.4, `${moved.length} moved`);
});

Deno.test("sessionAffinity() keeps models apart, however their requests mix", () => {
  const policy = sessionAffinity(roundRobin());
  const [m, n] = [engines(5), engines(2)];
  const alone = placed(sessionAffinity(roundRobin()), m);
  for (const [sessionKey, id] of alone) {
    assert(n.includes(policy.pick(n, { model: "n", sessionKey })));
    assertEquals(policy.pick(m, { model: "m", sessionKey }).id, id);
  }
});

Deno.test("sessionAffinity() leaves requests without a key to its fallback", () => {
  const policy = sessionAffinity(roundRobin());
  const all = engines(3);
  const picks = Array.from({ length: 4 }, () => policy.pick(all, { model: "m" }).id);
  assertEquals(picks, ["e0", "e1", "e2", "e0"]);
  policy.pick(all, { model: "m", sessionKey: "a" });
  assertEquals(policy.pick(all, { model: "m" }).id, "e1");
});

Deno.test("sessionAffinity() takes any text as a key", () => {
  const policy = sessionAffinity(roundRobin());
  const all = engines(4);
  for (const sessionKey of ["", " ", "é世😀", "\ud800", "x".repeat(10_000), "a\nb"]) {
    const picked = policy.pick(all, { model: "m", sessionKey });
    assert(all.includes(picked));
    assert(policy.pick(all, { model: "m", sessionKey }) === picked);
  }
});
