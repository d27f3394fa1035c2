/**
 * What holds for every `Health`. A new one has this run over it, beside the tests of what it alone
 * does.
 * @module
 */
import type { Engine } from "../../lib/base/mod.ts";
import type { Health, Leg, Outcome } from "../../lib/fleet/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { engine } from "./support.ts";

/** Makes a health that knows nothing. */
export type MakeHealth = (clock: FakeClock) => Health;

/** An outcome of a flight that answered within a moment, changed by `part`. */
export function outcome(of: Engine, part: Partial<Outcome> = {}): Outcome {
  return {
    engine: of,
    leg: "direct",
    peer: undefined,
    end: "ok",
    code: part.end === "failed" ? "upstream-unreachable" : undefined,
    status: part.end === "failed" ? undefined : 200,
    headMs: part.end === "failed" ? undefined : 1,
    ms: 2,
    ...part,
  };
}

const LEGS: readonly Leg[] = [
  "prefill",
  "decode",
  "direct",
  "tokenize",
  "reclaim",
  "models",
  "check",
];
const A = engine("a");
const B = engine("b");

/** Longer than any health keeps what it has heard against it from an engine that answers. */
const LONG_MS = 60 * 60_000;

/** All that `health` says of `A` and `B`. */
function verdicts(health: Health): readonly string[] {
  return [
    health.engine("a").kind,
    health.engine("b").kind,
    health.pair("a", "b").kind,
    health.pair("b", "a").kind,
  ];
}

/** As bad as it gets: every leg fails, again and again, alone and with the other. */
function ruin(health: Health, of: Engine, peer: Engine): void {
  for (let round = 0; round < 20; round++) {
    for (const leg of LEGS) {
      health.report(outcome(of, { leg, end: "failed", code: "upstream-unreachable" }));
      health.report(outcome(of, { leg, peer, end: "failed", code: "kv-timeout" }));
    }
  }
}

/** Define the tests for the health called `name`. */
export function healthConformance(name: string, make: MakeHealth): void {
  const fresh = (): { readonly health: Health; readonly clock: FakeClock } => {
    const clock = new FakeClock();
    return { health: make(clock), clock };
  };

  Deno.test(`${name} has nothing against engines and pairs it has not heard of`, () => {
    const { health } = fresh();
    assertEquals(verdicts(health), ["good", "good", "good", "good"]);
    health.forget("a");
    assertEquals(verdicts(health), ["good", "good", "good", "good"]);
  });

  Deno.test(`${name} has nothing against engines that answer`, () => {
    const { health } = fresh();
    for (let round = 0; round < 20; round++) {
      for (const leg of LEGS) health.report(outcome(A, { leg, peer: B }));
    }
    assertEquals(verdicts(health), ["good", "good", "good", "good"]);
  });

  Deno.test(`${name} learns nothing from flights that were left`, () => {
    const { health } = fresh();
    for (const leg of LEGS) {
      for (let round = 0; round < 20; round++) {
        health.report(outcome(A, { leg, peer: B, end: "left", ms: 60_000 }));
      }
    }
    assertEquals(verdicts(health), ["good", "good", "good", "good"]);
    ruin(health, A, B);
    const ruined = verdicts(health);
    for (const leg of LEGS) health.report(outcome(A, { leg, peer: B, end: "left" }));
    assertEquals(verdicts(health), ruined);
  });

  Deno.test(`${name} holds one engine's failures against no other`, () => {
    const { health } = fresh();
    ruin(health, A, A);
    assertEquals(health.engine("b").kind, "good");
  });

  Deno.test(`${name} never says that an engine leaves: that is its source's to say`, () => {
    const { health } = fresh();
    ruin(health, A, B);
    assert(!verdicts(health).includes("leaving"));
  });

  Deno.test(`${name} forgets all of an engine that has gone`, () => {
    const { health } = fresh();
    ruin(health, A, B);
    health.forget("a");
    assertEquals(verdicts(health), ["good", "good", "good", "good"]);
  });

  Deno.test(`${name} forgives an engine that answers, in time`, async () => {
    const { health, clock } = fresh();
    ruin(health, A, B);
    for (let round = 0; round < 20; round++) {
      await clock.advance(LONG_MS);
      health.report(outcome(A, { leg: "models" }));
      // What is asked of an engine while it is shut, or tried again, has its outcome too.
      for (const leg of LEGS) health.report(outcome(A, { leg, peer: B }));
    }
    assertEquals(verdicts(health), ["good", "good", "good", "good"]);
    assertEquals(clock.pending, 0);
  });

  Deno.test(`${name} says the same after the same history`, () => {
    const [one, other] = [fresh().health, fresh().health];
    for (const health of [one, other]) {
      ruin(health, A, B);
      health.report(outcome(A, { leg: "models" }));
    }
    assertEquals(verdicts(one), verdicts(other));
  });

  Deno.test(`${name} tells nobody any more who does not watch any more`, async () => {
    const { health, clock } = fresh();
    const told: string[] = [];
    const watch = health.watch?.((id) => void told.push(id));
    watch?.[Symbol.dispose]();
    ruin(health, A, B);
    await clock.advance(LONG_MS);
    assertEquals(told, []);
  });
}
