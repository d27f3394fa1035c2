import type { BreakerRules, Lesson } from "../../lib/fleet/mod.ts";
import { PairHealth, pairOf } from "../../lib/fleet/pair_health.ts";
import type { Pair } from "../../lib/selection/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { engine, LogLines } from "./support.ts";

const RULES: BreakerRules = { failures: 2, pauseMs: 1_000, maxPauseMs: 8_000 };
const [P, Q, D, E] = ["p", "q", "d", "e"].map((id) => engine(id, [], { kv: "lmcache" }));
assert(P && Q && D && E);
const PD: Pair = { prefill: P, decode: D };

interface Pairs {
  readonly health: PairHealth;
  readonly written: LogLines;
  readonly learn: (pair: Pair, lesson: Lesson, beganMs: number, nowMs?: number) => void;
}

function pairs(): Pairs {
  const written = new LogLines(new FakeClock());
  const health = new PairHealth(RULES, written.log);
  return {
    health,
    written,
    learn: (pair, lesson, beganMs, nowMs = beganMs) =>
      health.learn(pair, lesson, { beganMs, nowMs, why: "kv-timeout", pause: 1 }),
  };
}

Deno.test("pairOf() is which engine hands over to which, whichever flight tells of it", () => {
  assertEquals(pairOf({ engine: P, leg: "prefill", peer: D }), PD);
  assertEquals(pairOf({ engine: D, leg: "decode", peer: P }), PD);
  for (const leg of ["direct", "tokenize", "reclaim", "models"] as const) {
    assertEquals(pairOf({ engine: D, leg, peer: P }), undefined);
  }
  assertEquals(pairOf({ engine: D, leg: "decode", peer: undefined }), undefined);
});

Deno.test("PairHealth shuts one pair by its failures in a row, and no other of its engines", () => {
  const { health, learn } = pairs();
  for (const lesson of ["failed", "ok", "failed"] as const) learn(PD, lesson, 1);
  assertEquals(health.verdict("p", "d", 1).kind, "good");
  learn(PD, "failed", 1);
  assertEquals(health.verdict("p", "d", 1), { kind: "shut", why: "kv-timeout", untilMs: 1_001 });
  for (const [prefill, decode] of [["p", "e"], ["q", "d"], ["d", "p"]] as const) {
    assertEquals(health.verdict(prefill, decode, 1).kind, "good");
  }
  assertEquals(health.doubted(1), [{
    ...PD,
    verdict: { kind: "shut", why: "kv-timeout", untilMs: 1_001 },
  }]);
});

Deno.test("PairHealth.verdicts() are those of all pairs, and none while nothing is held against any", () => {
  const { health, learn } = pairs();
  assertEquals(health.verdicts(0), undefined);
  for (let round = 0; round < 2; round++) learn(PD, "failed", 0);
  for (const nowMs of [0, 500, 1_000]) {
    const verdicts = health.verdicts(nowMs);
    assertEquals(verdicts?.("p", "d"), health.verdict("p", "d", nowMs));
    assertEquals(verdicts?.("q", "d").kind, "good");
  }
  health.forget("p");
  assertEquals(health.verdicts(1_000), undefined);
});

Deno.test("PairHealth has one handoff try a pair again, from its choice to the end of its decode", () => {
  const { health, learn } = pairs();
  const kind = (nowMs: number): string => health.verdict("p", "d", nowMs).kind;
  for (let round = 0; round < 2; round++) learn(PD, "failed", 0);
  assertEquals(kind(1_000), "probation");
  health.chose(PD, 1_000);
  assertEquals(kind(1_000), "shut");
  // Its ids come first.
  health.began(PD, 1_300);
  assertEquals(kind(2_500), "shut");
  learn(PD, "halfway", 1_300, 2_500);
  health.began(PD, 2_600);
  assertEquals(kind(5_000), "shut");
  health.answering(PD, 2_600);
  assertEquals(kind(5_000), "probation");
  learn(PD, "ok", 2_600, 6_000);
  assertEquals([kind(6_000), health.doubted(6_000)], ["good", []]);
});

Deno.test("PairHealth lets another try at once where a handoff ends before its decode", () => {
  const { health, learn } = pairs();
  for (let round = 0; round < 2; round++) learn(PD, "failed", 0);
  health.chose(PD, 1_000);
  health.began(PD, 1_000);
  learn(PD, "nothing", 1_000, 1_200);
  assertEquals(health.verdict("p", "d", 1_200).kind, "probation");
});

Deno.test("PairHealth is not shut by handoffs that began before it was shut and end after it healed", () => {
  const { health, learn } = pairs();
  for (let round = 0; round < 2; round++) learn(PD, "failed", 10, 100);
  health.began(PD, 1_100);
  learn(PD, "ok", 1_100, 1_200);
  for (let old = 0; old < 9; old++) learn(PD, "failed", 20, 1_300);
  assertEquals(health.verdict("p", "d", 1_300).kind, "good");
});

Deno.test("PairHealth tells the log once per change, by URL, with why and what to look at", () => {
  const { health, learn, written } = pairs();
  for (let round = 0; round < 5; round++) learn(PD, "failed", 0);
  for (let trial = 1; trial < 3; trial++) {
    const now = trial * 10_000;
    health.began(PD, now);
    learn(PD, "failed", now);
  }
  health.began(PD, 90_000);
  for (let round = 0; round < 3; round++) learn(PD, "ok", 90_000);
  assertEquals(written.messages(), [
    "warning Two engines are not paired for a while: their handoffs fail",
    "info Two engines are paired again",
  ]);
  const [{ prefill, decode, why, look }, again] = written.lines.map((line) => JSON.parse(line));
  assertEquals([prefill, decode, why], ["http://p:8000", "http://d:8000", "kv-timeout"]);
  assert(look.includes("restart the prefill engine"), look);
  assertEquals([again.prefill, again.decode], ["http://p:8000", "http://d:8000"]);
});

Deno.test("PairHealth forgets all pairs of an engine", () => {
  const { health, learn } = pairs();
  const all = [PD, { prefill: P, decode: E }, { prefill: Q, decode: D }, { prefill: Q, decode: E }];
  for (const pair of all) for (let round = 0; round < 2; round++) learn(pair, "failed", 0);
  const names = (): readonly string[] =>
    health.doubted(0).map(({ prefill, decode }) => `${prefill.id} ${decode.id}`);
  assertEquals(names(), ["p d", "p e", "q d", "q e"]);
  health.forget("d");
  assertEquals(names(), ["p e", "q e"]);
  health.forget("p");
  assertEquals(names(), ["q e"]);
});
