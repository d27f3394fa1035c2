import fc from "fast-check";
import { Breaker, type BreakerRules, type Lesson, type LessonTold } from "../../lib/fleet/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";

const RULES: BreakerRules = { failures: 3, pauseMs: 1_000, maxPauseMs: 8_000 };

function told(beganMs: number, nowMs = beganMs, pause = 1): LessonTold {
  return { beganMs, nowMs, why: "upstream-lost", pause };
}

/** A breaker that was shut at `nowMs`. */
function shutAt(nowMs: number, rules = RULES): Breaker {
  const breaker = new Breaker(rules);
  breaker.learn("grave", told(nowMs));
  return breaker;
}

function shut(untilMs: number): ReturnType<Breaker["verdict"]> {
  return { kind: "shut", why: "upstream-lost", untilMs };
}

const PROBATION = { kind: "probation", why: "upstream-lost" } as const;

Deno.test("Breaker is shut by so many failures in a row, and by a grave one at once", () => {
  const breaker = new Breaker(RULES);
  for (
    const lesson of ["failed", "failed", "ok", "failed", "nothing", "halfway", "failed"] as const
  ) {
    breaker.learn(lesson, told(0));
  }
  assertEquals([breaker.verdict(0).kind, breaker.clean, breaker.fresh], ["good", false, false]);
  breaker.learn("failed", told(0));
  assertEquals(breaker.verdict(0), shut(1_000));
  assertEquals(shutAt(0).verdict(0), shut(1_000));
});

Deno.test("Breaker lets one request try it when its pause is over, and heals with it", () => {
  const breaker = shutAt(0);
  breaker.begin(999);
  assertEquals([breaker.verdict(999), breaker.verdict(1_000)], [shut(1_000), PROBATION]);
  breaker.begin(1_000);
  assertEquals(breaker.verdict(1_000), shut(9_000));
  breaker.begin(1_001);
  breaker.learn("ok", told(1_000, 1_100));
  assertEquals([breaker.verdict(1_100).kind, breaker.clean, breaker.fresh], ["good", true, false]);
});

Deno.test("Breaker doubles its pause with each failed trial, up to the longest, and begins anew", () => {
  const breaker = shutAt(0);
  let now = 0;
  const pauses: number[] = [];
  for (let trial = 0; trial < 5; trial++) {
    pauses.push((breaker.dueMs ?? 0) - now);
    now = breaker.dueMs ?? 0;
    breaker.begin(now);
    breaker.learn("failed", told(now));
  }
  assertEquals(pauses, [1_000, 2_000, 4_000, 8_000, 8_000]);
  now = breaker.dueMs ?? 0;
  breaker.begin(now);
  breaker.learn("ok", told(now));
  breaker.learn("grave", told(now));
  assertEquals(breaker.dueMs, now + 1_000);
});

Deno.test("Breaker varies a pause by the factor it is told", () => {
  const breaker = new Breaker(RULES);
  breaker.learn("grave", told(0, 0, 1.2));
  assertEquals(breaker.dueMs, 1_200);
});

Deno.test("Breaker replaces a trial that never ends", () => {
  const breaker = shutAt(0);
  breaker.begin(1_000);
  assertEquals([breaker.verdict(8_999).kind, breaker.verdict(9_000).kind], ["shut", "probation"]);
  breaker.begin(9_000);
  assertEquals(breaker.verdict(9_000), shut(17_000));
  // The former is no trial any more.
  breaker.learn("nothing", told(1_000, 9_100));
  breaker.learn("failed", told(1_000, 9_100));
  assertEquals(breaker.verdict(9_100), shut(17_000));
});

Deno.test("Breaker may be tried again at once when its trial has said nothing", () => {
  const breaker = shutAt(0);
  breaker.begin(1_000);
  breaker.learn("nothing", told(1_500));
  assertEquals(breaker.verdict(1_500).kind, "shut", "another flight has ended");
  breaker.learn("nothing", told(1_000, 1_500));
  assertEquals(breaker.verdict(1_500), PROBATION);
});

Deno.test("Breaker lets others follow a trial that is being answered, and the first that ends decides", () => {
  const breaker = shutAt(0);
  breaker.begin(1_000);
  breaker.answering(900);
  assertEquals(breaker.verdict(1_100).kind, "shut");
  breaker.answering(1_000);
  assertEquals([breaker.verdict(1_100), breaker.dueMs], [PROBATION, undefined]);
  breaker.begin(1_200);
  breaker.learn("failed", told(1_200, 1_300));
  assertEquals(breaker.verdict(1_300), shut(3_300));
});

Deno.test("Breaker has the next flight of a request in the place of one that is halfway", () => {
  const breaker = shutAt(0);
  breaker.begin(1_000);
  breaker.learn("halfway", told(1_000, 1_400));
  assertEquals(breaker.verdict(1_400), shut(2_400));
  breaker.begin(1_500);
  assertEquals(breaker.verdict(1_500), shut(9_500));
  breaker.learn("failed", told(1_500, 1_600));
  assertEquals(breaker.verdict(1_600), shut(3_600));
});

Deno.test("Breaker that is claimed waits for its request to begin, for as long as a first pause", () => {
  const breaker = shutAt(0);
  breaker.claim(999);
  assertEquals(breaker.dueMs, 1_000);
  breaker.claim(1_000);
  assertEquals(breaker.verdict(1_001), shut(2_000));
  assertEquals(breaker.verdict(2_000), PROBATION);
  breaker.begin(1_500);
  assertEquals(breaker.verdict(1_500), shut(9_500));
});

Deno.test("Breaker learns nothing from requests that began before it was last shut", () => {
  const breaker = shutAt(100);
  breaker.learn("ok", told(99, 200));
  assertEquals(breaker.verdict(200).kind, "shut");
  breaker.learn("ok", told(101, 200));
  assertEquals(breaker.verdict(200).kind, "good");
  for (let old = 0; old < 5; old++) breaker.learn("grave", told(99, 300));
  assertEquals([breaker.verdict(300).kind, breaker.clean], ["good", true]);
});

Deno.test("Breaker may be tried at once when something else speaks for it", () => {
  const breaker = shutAt(0);
  breaker.release(10);
  assertEquals(breaker.verdict(10), PROBATION);
  const fresh = new Breaker(RULES);
  fresh.release(0);
  assertEquals(fresh.fresh, true);
});

/** What may happen to a breaker; `pick` is a flight of those under way. */
type Step =
  | { readonly kind: "begin"; readonly obeys: boolean }
  | { readonly kind: "end"; readonly pick: number; readonly lesson: Lesson }
  | { readonly kind: "answering"; readonly pick: number };

const step = fc.oneof(
  fc.record({ kind: fc.constant("begin" as const), obeys: fc.boolean() }),
  fc.record({
    kind: fc.constant("end" as const),
    pick: fc.nat(20),
    lesson: fc.constantFrom<Lesson>("ok", "failed", "failed", "failed", "grave", "nothing"),
  }),
  fc.record({ kind: fc.constant("answering" as const), pick: fc.nat(20) }),
) satisfies fc.Arbitrary<Step>;

const steps = fc.array(
  fc.record({
    step,
    waitMs: fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 900, max: 9_000 })),
    factor: fc.double({ min: 0.8, max: 1.2, noNaN: true }),
  }),
  { minLength: 20, maxLength: 80 },
);

/**
 * A breaker by its description alone, over the whole history: slow, and nothing of `Breaker` in it.
 * Times are all different.
 */
class Model {
  readonly #rules: BreakerRules;
  row = 0;
  shut: { since: number; until: number; pause: number } | undefined;
  lastShut = -1;
  trial: { began: number; answering: boolean } | undefined;

  constructor(rules: BreakerRules) {
    this.#rules = rules;
  }

  kind(now: number): string {
    if (this.shut === undefined) return "good";
    if (this.trial?.answering === true) return "probation";
    const due = this.trial === undefined
      ? this.shut.until
      : this.trial.began + this.#rules.maxPauseMs;
    return now < due ? "shut" : "probation";
  }

  begin(now: number): void {
    if (this.kind(now) === "probation" && this.trial?.answering !== true) {
      this.trial = { began: now, answering: false };
    }
  }

  end(began: number, lesson: Lesson, now: number, factor: number): void {
    if (lesson === "nothing") {
      if (this.trial?.began === began) this.trial = undefined;
      return;
    }
    if (lesson === "ok") {
      if (this.shut !== undefined && began < this.shut.since) return;
      [this.row, this.shut, this.trial] = [0, undefined, undefined];
      return;
    }
    if (began < this.lastShut) return;
    if (this.shut === undefined) {
      this.row++;
      if (lesson === "grave" || this.row >= this.#rules.failures) {
        this.#close(this.#rules.pauseMs, now, factor);
      }
    } else if (this.trial !== undefined && began >= this.trial.began) {
      this.#close(Math.min(2 * this.shut.pause, this.#rules.maxPauseMs), now, factor);
    }
  }

  #close(pause: number, now: number, factor: number): void {
    this.shut = { since: now, until: now + pause * factor, pause };
    this.lastShut = now;
    this.trial = undefined;
  }
}

Deno.test("Breaker says what its description says, whatever happens to it", () => {
  const kinds = new Map<string, number>();
  fc.assert(
    fc.property(steps, (all) => {
      const breaker = new Breaker(RULES);
      const model = new Model(RULES);
      const flying: number[] = [];
      let now = 0;
      for (const { step, waitMs, factor } of all) {
        now += waitMs;
        const before = breaker.verdict(now).kind;
        assertEquals(before, model.kind(now));
        kinds.set(before, (kinds.get(before) ?? 0) + 1);
        if (step.kind === "begin") {
          if (step.obeys && before === "shut") continue;
          const answering = model.trial?.answering === true;
          breaker.begin(now);
          model.begin(now);
          flying.push(now);
          // One that finds it on probation is the only one until it has ended, or is answered.
          if (before === "probation" && !answering) assertEquals(breaker.verdict(now).kind, "shut");
        } else {
          const began = flying[step.pick % Math.max(flying.length, 1)];
          if (began === undefined) continue;
          if (step.kind === "answering") {
            breaker.answering(began);
            if (model.trial !== undefined && began >= model.trial.began) {
              model.trial.answering = true;
            }
          } else {
            flying.splice(flying.indexOf(began), 1);
            breaker.learn(step.lesson, told(began, now, factor));
            model.end(began, step.lesson, now, factor);
          }
        }
        assertEquals(breaker.verdict(now).kind, model.kind(now));
        const { dueMs } = breaker;
        // However it is used, it may be tried within the longest pause.
        if (dueMs !== undefined) {
          assert(dueMs <= now + RULES.maxPauseMs * 1.2, `${dueMs} at ${now}`);
        }
        if (model.shut?.since === now) {
          const pause = (dueMs ?? 0) - now;
          assert(pause >= RULES.pauseMs * 0.799 && pause <= RULES.maxPauseMs * 1.201, `${pause}`);
        }
      }
    }),
    { seed: 11, numRuns: 2_000 },
  );
  for (const kind of ["good", "probation", "shut"]) assert((kinds.get(kind) ?? 0) > 500, kind);
});
