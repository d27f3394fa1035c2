import type { Engine } from "../../lib/base/mod.ts";
import {
  distanceOf,
  policiesFor,
  type PromptFacts,
  type Verdict,
} from "../../lib/selection/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { candidates, named, pairOf, SHUT, type TestCandidate } from "./support.ts";

const LEVELS = ["zone", "rack"];

function policies() {
  return policiesFor({ kind: "pair_score", topology: LEVELS });
}

function fleetOf(prefill: number, decode: number): readonly TestCandidate[] {
  return [...candidates(decode, "decode", "d"), ...candidates(prefill, "prefill", "p")];
}

function at(fleet: readonly TestCandidate[], id: string): TestCandidate {
  const found = fleet.find(({ engine }) => engine.id === id);
  assert(found !== undefined);
  return found;
}

function stand(fleet: readonly TestCandidate[], places: Readonly<Record<string, string>>): void {
  for (const [id, place] of Object.entries(places)) {
    const [zone = "", rack] = place.split("/");
    const one = at(fleet, id);
    one.engine = { ...one.engine, topology: rack === undefined ? { zone } : { zone, rack } };
  }
}

function prompt(tokens: number, held: Readonly<Record<string, number>> = {}): PromptFacts {
  return { tokens, chunks: () => new Float64Array(0), cachedAt: (id) => held[id] };
}

Deno.test("pairScore() takes a prefill engine by tokens to compute, and a decode engine by requests and KV", () => {
  const fleet = fleetOf(2, 3);
  at(fleet, "d0").inflight = 1;
  at(fleet, "d1").stats = { running: 0, waiting: 0, kvUse: 0.95, own: 0, readMs: 0 };
  at(fleet, "p0").promptTokens = 900;
  assertEquals(named(pairOf(fleet, policies(), { prompt: prompt(1_000) })), "p1 d2");
  assertEquals(named(pairOf(fleet, policies(), { prompt: prompt(1_000, { p0: 1_000 }) })), "p0 d2");
});

Deno.test("pairScore() takes engines that stand together, unless they have more to do", () => {
  const fleet = fleetOf(3, 3);
  stand(fleet, { d0: "a/1", d1: "a/2", d2: "b/1", p0: "c/1", p1: "b/2", p2: "b/1" });
  const pair = (tokens: number): string =>
    named(pairOf(fleet, policies(), { prompt: prompt(tokens) }));
  assertEquals(pair(1_000), "p2 d2");
  at(fleet, "p2").promptTokens = 300;
  assertEquals(pair(1_000), "p2 d2");
  // One level is worth less than that many tokens.
  at(fleet, "p2").promptTokens = 2_000;
  assertEquals(pair(1_000), "p1 d2");
  // The farther a long prompt has to go, the more it costs.
  assertEquals(pair(30_000), "p2 d2");
});

Deno.test("pairScore() finds engines that stand together among hundreds", () => {
  const [count, decode, prefill] = [300, "d299", "p150"];
  const fleet = [
    ...candidates(count, "decode", "d"),
    ...candidates(count, "prefill", "p"),
  ];
  for (const one of fleet) {
    const zone = [decode, prefill].includes(one.engine.id) ? "here" : one.engine.id;
    one.engine = { ...one.engine, topology: { zone } };
  }
  at(fleet, "d0").inflight = 9;
  const pair = pairOf(fleet, policies(), { prompt: prompt(10_000) });
  assertEquals(pair.prefill.topology === undefined, false);
  // No pair costs more than the one that stands together would save by one level alone.
  assert(pair.decode.id !== "d0");
});

Deno.test("pairScore() goes around pairs that are shut, and trusts those on probation less", () => {
  const fleet = fleetOf(2, 2);
  const verdictOf = (doubted: string, verdict: Verdict) => (one: Engine, other: Engine): Verdict =>
    named({ prefill: one, decode: other }) === doubted ? verdict : { kind: "good" };
  const first = named(pairOf(fleet, policies()));
  assertEquals(first, "p0 d0");
  for (const verdict of [SHUT, { kind: "probation" }] as const) {
    const pair = pairOf(fleet, policies(), { pairVerdict: verdictOf(first, verdict) });
    assert(named(pair) !== first);
  }
  // Where all that are compared are shut, the sides choose one after the other.
  const wide = fleetOf(10, 10);
  const pairVerdict = (one: Engine, other: Engine): Verdict =>
    one.id === "p9" && other.id === "d9" ? { kind: "good" } : SHUT;
  assertEquals(named(pairOf(wide, policies(), { pairVerdict })), "p9 d9");
});

Deno.test("pairScore() keeps what was tried, as every policy does", () => {
  const fleet = fleetOf(3, 3);
  const tried = { prefill: at(fleet, "p2").engine, decode: at(fleet, "d2").engine };
  const exclude = [{ id: "p2", why: "failed" }] as const;
  assertEquals(named(pairOf(fleet, policies(), { attempt: 2, tried, exclude })), "p0 d2");
});

Deno.test("pairScore() on one side goes by the other that is chosen already", () => {
  const fleet = fleetOf(3, 2);
  stand(fleet, { d0: "a", d1: "b", p0: "b", p1: "a", p2: "b" });
  const mixed = policiesFor({ kind: "roundrobin", prefill: "pair_score", topology: LEVELS });
  assertEquals(named(pairOf(fleet, mixed)), "p1 d0");
  assertEquals(named(pairOf(fleet, mixed)), "p0 d1");
});

Deno.test("distanceOf() counts the levels from the first on that two engines do not share", () => {
  const levels = ["zone", "rack", "nvlink"];
  const place = (zone?: string, rack?: string, nvlink?: string) => ({
    topology: Object.fromEntries(
      Object.entries({ zone, rack, nvlink }).filter(([, value]) => value !== undefined),
    ) as Record<string, string>,
  });
  assertEquals(distanceOf(place("a", "1", "x"), place("a", "1", "x"), levels), 0);
  assertEquals(distanceOf(place("a", "1", "x"), place("a", "1", "y"), levels), 1);
  assertEquals(distanceOf(place("a", "1", "x"), place("a", "2", "x"), levels), 2);
  assertEquals(distanceOf(place("a"), place("b"), levels), 3);
  assertEquals(distanceOf(place("a"), place("a"), levels), 0);
  assertEquals(distanceOf(place("a"), {}, levels), 3);
  assertEquals(distanceOf({}, {}, levels), 0);
});
