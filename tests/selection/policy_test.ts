import { leastInflight, roundRobin } from "../../lib/selection/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { engine, engines } from "./support.ts";

Deno.test("roundRobin() takes the engines in turn", () => {
  const policy = roundRobin();
  const picks = Array.from({ length: 7 }, () => policy.pick(engines(3), { model: "m" }).id);
  assertEquals(picks, ["e0", "e1", "e2", "e0", "e1", "e2", "e0"]);
});

Deno.test("roundRobin() keeps a turn for each model, however their requests mix", () => {
  const policy = roundRobin();
  const all = engines(3);
  const picks = new Map<string, number>();
  // Twice as many requests for one model as for the other, interleaved.
  for (let round = 0; round < 300; round++) {
    const model = round % 3 === 0 ? "n" : "m";
    const key = `${model} ${policy.pick(all, { model }).id}`;
    picks.set(key, (picks.get(key) ?? 0) + 1);
  }
  assertEquals(Object.fromEntries(picks), {
    "n e0": 34,
    "n e1": 33,
    "n e2": 33,
    "m e0": 67,
    "m e1": 67,
    "m e2": 66,
  });
});

Deno.test("roundRobin() is even again after engines have come and gone", () => {
  const policy = roundRobin();
  for (const count of [3, 1, 5, 2]) policy.pick(engines(count), { model: "m" });
  const all = engines(4);
  const picks = Array.from({ length: 40 }, () => policy.pick(all, { model: "m" }).id);
  for (const { id } of all) assertEquals(picks.filter((pick) => pick === id).length, 10);
});

Deno.test("leastInflight() takes the engine with the fewest requests", () => {
  const load = new Map([["e0", 2], ["e1", 1], ["e2", 3]]);
  const policy = leastInflight(({ id }) => load.get(id) ?? 0);
  const all = engines(3);
  assertEquals(policy.pick(all, { model: "m" }).id, "e1");
  load.set("e1", 5);
  assertEquals(policy.pick(all, { model: "m" }).id, "e0");
});

Deno.test("leastInflight() takes the first of equals", () => {
  const policy = leastInflight(({ id }) => id === "e0" ? 1 : 0);
  assertEquals(policy.pick(engines(4), { model: "m" }).id, "e1");
  assertEquals(leastInflight(() => 7).pick(engines(4), { model: "m" }).id, "e0");
});

Deno.test("leastInflight() asks about the candidates alone", () => {
  const asked: string[] = [];
  const policy = leastInflight(({ id }) => asked.push(id));
  const only = engine("x");
  assert(policy.pick([only], { model: "m" }) === only);
  assertEquals(asked.filter((id) => id !== "x"), []);
});
