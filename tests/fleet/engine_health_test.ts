import { type Engine, type ErrorCode, type Role, seededRandom } from "../../lib/base/mod.ts";
import { EngineHealth, type HealthRules, type Leg, type Outcome } from "../../lib/fleet/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { healthConformance, outcome } from "./health_conformance.ts";
import { engine, LogLines } from "./support.ts";

const RULES: HealthRules = {
  engine: { failures: 3, pauseMs: 1_000, maxPauseMs: 8_000 },
  pair: { failures: 2, pauseMs: 1_000, maxPauseMs: 8_000 },
  maxShutShare: 0.5,
};

class Scene {
  readonly clock = new FakeClock();
  readonly written = new LogLines(this.clock);
  readonly health: EngineHealth;
  /** Ids that watchers were told of. */
  readonly told: string[] = [];

  constructor(engines: readonly Engine[] = [], rules: Partial<HealthRules> = {}) {
    const { clock, written: { log } } = this;
    const random = seededRandom(3);
    this.health = new EngineHealth({ clock, random, log, rules: { ...RULES, ...rules } });
    for (const one of engines) this.health.know(one);
    this.health.watch((id) => void this.told.push(id));
  }

  kind(id: string): string {
    return this.health.engine(id).kind;
  }

  /** A flight from its beginning to its end, `ms` later. */
  async fly(of: Engine, part: Partial<Outcome>, ms = 10): Promise<void> {
    const beganMs = this.clock.now();
    const flight = { engine: of, leg: part.leg ?? "direct", peer: part.peer, beganMs } as const;
    this.health.began(flight);
    await this.clock.advance(ms);
    this.health.report(outcome(of, { ...part, ms }), { beganMs, root: outcome(of, part).code });
  }

  async fail(of: Engine, times: number, code: ErrorCode = "upstream-lost"): Promise<void> {
    for (let time = 0; time < times; time++) await this.fly(of, { end: "failed", code });
  }
}

const A = engine("a");
const B = engine("b");
const P = engine("p", [], { role: "prefill", kv: "lmcache" });
const D = engine("d", [], { role: "decode", kv: "lmcache" });

healthConformance("EngineHealth", (clock) =>
  new EngineHealth({
    clock,
    random: seededRandom(1),
    log: new LogLines(clock).log,
    rules: RULES,
  }));

Deno.test("EngineHealth shuts an engine that gives no answer about its models, until it does", () => {
  const { health } = new Scene([A, B]);
  for (const code of ["upstream-unreachable", "upstream-timeout"] as const) {
    health.report(outcome(A, { leg: "models", end: "failed", code }));
    assertEquals(health.engine("a"), { kind: "shut", why: code });
  }
  health.report(outcome(A, { leg: "models", end: "left" }));
  assertEquals(health.engine("a").kind, "shut");
  health.report(outcome(A, { leg: "models" }));
  assertEquals(health.engine("a"), { kind: "good" });
});

Deno.test("EngineHealth shuts an engine whose requests fail in a row, and one that is not there at once", async () => {
  const scene = new Scene([A, B]);
  await scene.fail(A, 2);
  await scene.fly(A, {});
  await scene.fail(A, 2);
  assertEquals(scene.kind("a"), "good");
  await scene.fail(A, 1);
  const verdict = scene.health.engine("a");
  assert(verdict.kind === "shut" && verdict.why === "upstream-lost");
  const pause = (verdict.untilMs ?? 0) - scene.clock.now();
  assert(pause >= 800 && pause <= 1_200, `${pause}`);
  const other = new Scene([A, B]);
  await other.fail(A, 1, "upstream-unreachable");
  assertEquals([other.kind("a"), other.kind("b")], ["shut", "good"]);
});

Deno.test("EngineHealth tells its watchers when an engine may be tried, and has one request try it", async () => {
  const scene = new Scene([A, B]);
  await scene.fail(A, 3);
  assertEquals([scene.told, scene.clock.pending], [[], 1]);
  await scene.clock.advance(1_200);
  assertEquals([scene.told, scene.kind("a")], [["a"], "probation"]);
  const beganMs = scene.clock.now();
  const flight = { engine: A, leg: "direct", peer: undefined, beganMs } as const;
  scene.health.began(flight);
  assertEquals(scene.kind("a"), "shut");
  await scene.clock.advance(5);
  scene.health.answering(flight);
  assertEquals([scene.kind("a"), scene.clock.pending], ["probation", 0]);
  scene.health.report(outcome(A), { beganMs, root: undefined });
  assertEquals([scene.kind("a"), scene.clock.pending], ["good", 0]);
});

Deno.test("EngineHealth is not healed by an engine that tells ids and does nothing else", async () => {
  const scene = new Scene([P, D]);
  for (let round = 0; round < 3; round++) {
    await scene.fly(P, { leg: "tokenize" });
    await scene.fly(P, { leg: "prefill", peer: D, end: "failed", code: "prefill-failed" });
  }
  assertEquals(scene.kind("p"), "shut");
  await scene.clock.advance(1_200);
  const beganMs = scene.clock.now();
  const flight = { engine: P, leg: "tokenize", peer: undefined, beganMs } as const;
  scene.health.began(flight);
  scene.health.answering(flight);
  assertEquals(scene.kind("p"), "shut");
  scene.health.report(outcome(P, { leg: "tokenize" }), { beganMs, root: undefined });
  assertEquals(scene.kind("p"), "shut", "the prefill of the same request is to come");
  await scene.fly(P, { leg: "prefill", peer: D });
  assertEquals(scene.kind("p"), "good");
});

Deno.test("EngineHealth has no reclaim of KV be a trial, or end one", async () => {
  const scene = new Scene([D]);
  await scene.fail(D, 3);
  await scene.clock.advance(1_200);
  await scene.fly(D, { leg: "reclaim", end: "failed", code: "upstream-lost" });
  assertEquals(scene.kind("d"), "probation");
  scene.health.began({ engine: D, leg: "decode", peer: P, beganMs: scene.clock.now() });
  await scene.fly(D, { leg: "reclaim" });
  await scene.fly(D, { leg: "reclaim", end: "left" });
  assertEquals(scene.kind("d"), "shut");
});

Deno.test("EngineHealth has an engine tried as soon as it answers again", async () => {
  const scene = new Scene([A, B]);
  await scene.fail(A, 1, "upstream-unreachable");
  scene.health.report(outcome(A, { leg: "models", end: "failed" }));
  scene.health.report(outcome(A, { leg: "models" }));
  assertEquals([scene.kind("a"), scene.clock.pending], ["probation", 0]);
});

Deno.test("EngineHealth shuts a pair whose KV does not come, and neither of its engines", async () => {
  const scene = new Scene([P, D]);
  for (let round = 0; round < 2; round++) {
    await scene.fly(P, { leg: "prefill", peer: D });
    await scene.fly(D, { leg: "decode", peer: P, end: "failed", code: "kv-timeout" });
  }
  assertEquals([scene.kind("p"), scene.kind("d"), scene.health.pair("p", "d").kind], [
    "good",
    "good",
    "shut",
  ]);
  assertEquals(scene.health.doubtedPairs().map(({ prefill, decode }) => [prefill, decode]), [[
    P,
    D,
  ]]);
  await scene.clock.advance(1_200);
  scene.health.chose(P, D);
  assertEquals(scene.health.pair("p", "d").kind, "shut");
  await scene.fly(P, { leg: "prefill", peer: D });
  await scene.fly(D, { leg: "decode", peer: P });
  assertEquals(scene.health.pair("p", "d").kind, "good");
});

Deno.test("EngineHealth keeps nothing of pairs with an engine that has gone, or is another", async () => {
  for (const present of [undefined, { ...P, url: "http://elsewhere:1" }]) {
    const scene = new Scene([P, D]);
    scene.health.forget("p");
    if (present !== undefined) scene.health.know(present);
    for (let round = 0; round < 5; round++) {
      await scene.fly(D, { leg: "decode", peer: P, end: "failed", code: "kv-timeout" });
    }
    assertEquals(scene.health.doubtedPairs(), []);
  }
});

Deno.test("EngineHealth.know() of another record has its pairs begin anew", async () => {
  const scene = new Scene([P, D]);
  for (let round = 0; round < 2; round++) {
    await scene.fly(D, { leg: "decode", peer: P, end: "failed", code: "kv-timeout" });
  }
  scene.health.know(D);
  assertEquals(scene.health.pair("p", "d").kind, "shut");
  scene.health.know({ ...D, models: ["m"] });
  assertEquals(scene.health.pair("p", "d").kind, "good");
});

Deno.test("EngineHealth has all of a role serve where too many of it fail, and says so once", async () => {
  const all = ["a", "b", "c", "d"].map((id) => engine(id));
  const scene = new Scene(all);
  const kinds = (): readonly string[] => all.map(({ id }) => scene.kind(id));
  for (const one of all.slice(0, 2)) await scene.fail(one, 3);
  assertEquals(kinds(), ["shut", "shut", "good", "good"]);
  await scene.fail(all[2] ?? A, 3);
  assertEquals(kinds(), ["probation", "probation", "probation", "good"]);
  assertEquals([...new Set(scene.told)].sort(), ["a", "b", "c", "d"]);
  // They are tried again and again: nothing new is said.
  for (let trial = 0; trial < 4; trial++) {
    await scene.clock.advance(10_000);
    for (const one of all.slice(0, 3)) await scene.fail(one, 2);
  }
  await scene.fly(all[0] ?? A, {});
  assertEquals(kinds()[0], "good");
  assertEquals(scene.written.messages(), [
    "warning Too many engines fail to go around them: all of their role serve",
    "info Few enough engines fail to go around them",
  ]);
});

Deno.test("EngineHealth counts an engine under the role it has", async () => {
  const scene = new Scene([A, B]);
  await scene.fail(A, 3);
  await scene.fail(B, 3);
  assertEquals([scene.kind("a"), scene.kind("b")], ["probation", "probation"]);
  scene.health.know({ ...B, role: "decode" });
  assertEquals([scene.kind("a"), scene.kind("b")], ["shut", "shut"]);
});

Deno.test("EngineHealth holds no timer once it is disposed", async () => {
  const scene = new Scene([A, B]);
  await scene.fail(A, 3);
  assertEquals(scene.clock.pending, 1);
  scene.health[Symbol.dispose]();
  assertEquals(scene.clock.pending, 0);
});

/** A whole number below `below`. */
type Draw = (below: number) => number;

Deno.test("EngineHealth holds what it promises, whatever happens to a fleet", async () => {
  const LEGS: readonly Leg[] = ["prefill", "decode", "direct", "tokenize", "reclaim", "models"];
  const CODES: readonly ErrorCode[] = [
    "upstream-unreachable",
    "upstream-lost",
    "decode-failed",
    "kv-timeout",
    "client-gone",
  ];
  const ROLES: readonly Role[] = ["prefill", "decode", "any"];
  let around = 0;
  let pressed = 0;
  for (let seed = 0; seed < 40; seed++) {
    const random = seededRandom(seed);
    const draw: Draw = (below) => Math.floor(random.next() * below);
    const pick = <T>(of: readonly T[]): T => of[draw(of.length)] as T;
    const scene = new Scene([]);
    const { health, clock } = scene;
    const present = new Map<string, Engine>();
    /** Those that gave no answer to their last question. */
    const silent = new Set<string>();
    const flying: { engine: Engine; leg: Leg; peer: Engine | undefined; beganMs: number }[] = [];
    for (let step = 0; step < 300; step++) {
      await clock.advance(pick([1, 5, 200, 2_000]) + random.next());
      const what = draw(20);
      if (what === 0 || present.size < 4) {
        const id = `e${draw(12)}`;
        const record = engine(id, [], { role: pick(ROLES) });
        present.set(id, record);
        health.know(record);
      } else if (what === 1) {
        const id = pick([...present.keys()]);
        present.delete(id);
        silent.delete(id);
        health.forget(id);
      } else if (what < 11) {
        const flight = {
          engine: pick([...present.values()]),
          leg: pick(LEGS),
          peer: draw(2) === 0 ? undefined : pick([...present.values()]),
          beganMs: clock.now(),
        };
        flying.push(flight);
        health.began(flight);
      } else if (flying.length > 0) {
        const [flight] = flying.splice(draw(flying.length), 1);
        assert(flight);
        // The fleet tells of those alone that are there.
        if (present.get(flight.engine.id) === undefined) continue;
        if (draw(4) === 0) health.answering(flight);
        const end = pick(["ok", "failed", "failed", "failed", "left"] as const);
        const code = end === "failed" ? pick(CODES) : undefined;
        health.report(outcome(flight.engine, { ...flight, end, code }), {
          beganMs: flight.beganMs,
          root: code,
        });
        if (flight.leg === "models" && end === "ok") silent.delete(flight.engine.id);
        if (flight.leg === "models" && end === "failed") silent.add(flight.engine.id);
      }
      // At most a timer for each engine.
      assert(clock.pending <= present.size, `${clock.pending} timers`);
      for (const role of ROLES) {
        const of = [...present.values()].filter((one) => one.role === role && !silent.has(one.id));
        const shut = of.filter(({ id }) => scene.kind(id) === "shut");
        around += shut.length;
        if (of.length < 2) continue;
        if (of.length > 1 && of.every(({ id }) => scene.kind(id) === "probation")) pressed++;
        assert(shut.length <= of.length / 2, `${shut.length} of ${of.length} are gone around`);
      }
    }
    for (const id of present.keys()) health.forget(id);
    assertEquals([clock.pending, health.doubtedPairs()], [0, []]);
    for (let id = 0; id < 12; id++) assertEquals(scene.kind(`e${id}`), "good");
  }
  assert(around > 500 && pressed > 50, `${around} ${pressed}`);
});

Deno.test("EngineHealth.seated() keeps others from an engine on probation until the trial is over, or none comes", async () => {
  const scene = new Scene([A]);
  await scene.fail(A, 3);
  await scene.clock.advance(1_200);
  assertEquals(scene.kind("a"), "probation");
  scene.health.seated(A);
  assertEquals(scene.kind("a"), "shut");
  scene.told.length = 0;
  await scene.clock.advance(RULES.engine.pauseMs);
  assertEquals([scene.kind("a"), scene.told], ["probation", ["a"]], "it never began");
  scene.health.seated(A);
  await scene.fly(A, {});
  assertEquals(scene.kind("a"), "good");
  scene.health.seated(A);
  scene.health.seated(B);
  assertEquals([scene.kind("a"), scene.kind("b"), scene.clock.pending], ["good", "good", 0]);
});

Deno.test("EngineHealth tells of an engine that may be tried, also where a timer runs too early", async () => {
  const scene = new Scene([A]);
  const early = new EngineHealth({
    clock: {
      now: () => scene.clock.now(),
      unixMs: () => scene.clock.unixMs(),
      after: (ms, run) => scene.clock.after(Math.max(1, Math.floor(ms)), run),
    },
    random: seededRandom(3),
    log: scene.written.log,
    rules: RULES,
  });
  early.know(A);
  const kinds: string[] = [];
  early.watch((id) => void kinds.push(early.engine(id).kind));
  for (let time = 0; time < 3; time++) {
    early.report(outcome(A, { leg: "direct", end: "failed", code: "upstream-lost", ms: 0 }));
  }
  await scene.clock.advance(1_300);
  assertEquals(kinds.at(-1), "probation");
  early[Symbol.dispose]();
});
