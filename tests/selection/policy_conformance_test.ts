import { type Engine, seededRandom } from "../../lib/base/mod.ts";
import {
  Inflight,
  leastInflight,
  type Policy,
  roundRobin,
  type SelectionAsk,
  sessionAffinity,
} from "../../lib/selection/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { type Engines, engines } from "./support.ts";

/** A policy and the requests it counts. */
interface Subject {
  readonly policy: Policy;
  readonly inflight: Inflight;
}

const POLICIES: readonly (readonly [name: string, make: (inflight: Inflight) => Policy])[] = [
  ["roundRobin()", () => roundRobin()],
  ["leastInflight()", (inflight) => leastInflight((engine) => inflight.of(engine))],
  ["sessionAffinity(roundRobin())", () => sessionAffinity(roundRobin())],
  [
    "sessionAffinity(leastInflight())",
    (inflight) => sessionAffinity(leastInflight((engine) => inflight.of(engine))),
  ],
];

/** A subset of `from`, in its order. */
function someOf(from: Engines, chance: () => number): Engines {
  const [first, ...rest] = from.filter(() => chance() < 0.6);
  return first === undefined ? [from[0]] : [first, ...rest];
}

/** The picks of a random history of requests that come and go; the same for one seed. */
function history({ policy, inflight }: Subject, seed: number): readonly string[] {
  const random = seededRandom(seed);
  const all = engines(6);
  const held: { release(): void }[] = [];
  return Array.from({ length: 400 }, () => {
    const candidates = someOf(all, () => random.next());
    const ask = askFor(random.next());
    const picked = policy.pick(candidates, ask);
    assert(candidates.includes(picked), `${picked.id} is no candidate`);
    held.push(inflight.take(picked, "direct"));
    if (random.next() < 0.5) held.shift()?.release();
    return picked.id;
  });
}

function askFor(chance: number): SelectionAsk {
  const model = chance < 0.5 ? "m" : "n";
  return chance < 0.3 ? { model } : { model, sessionKey: `session ${Math.floor(chance * 50)}` };
}

for (const [name, make] of POLICIES) {
  const subject = (): Subject => {
    const inflight = new Inflight();
    return { policy: make(inflight), inflight };
  };

  Deno.test(`${name} picks one of the candidates, whichever they are`, () => {
    for (let seed = 1; seed <= 10; seed++) assertEquals(history(subject(), seed).length, 400);
  });

  Deno.test(`${name} picks the same after the same history`, () => {
    for (let seed = 1; seed <= 5; seed++) {
      assertEquals(history(subject(), seed), history(subject(), seed));
    }
  });

  Deno.test(`${name} picks the only candidate`, () => {
    const { policy } = subject();
    const all = engines(3);
    // What was there before must not matter.
    for (const sessionKey of ["a", "b", undefined]) policy.pick(all, { model: "m", sessionKey });
    for (const only of all) {
      for (const sessionKey of ["a", "", undefined]) {
        assert(policy.pick([only], { model: "m", sessionKey }) === only);
      }
    }
  });

  Deno.test(`${name} leaves the candidates as they are`, () => {
    const { policy } = subject();
    const all: Engines = engines(4);
    const frozen = Object.freeze([...all]);
    const [first, ...rest] = frozen;
    assert(first !== undefined);
    const candidates: Engines = Object.freeze([first, ...rest.map((one) => Object.freeze(one))]);
    for (let round = 0; round < 20; round++) {
      policy.pick(candidates, { model: "m", sessionKey: `${round}` });
      policy.pick(candidates, { model: "m" });
    }
    assertEquals([...candidates], [...all]);
  });

  Deno.test(`${name} gives every engine work`, () => {
    const { policy, inflight } = subject();
    const all = engines(5);
    const picked = new Set<Engine>();
    for (let round = 0; round < 200; round++) {
      const engine = policy.pick(all, { model: "m", sessionKey: `session ${round}` });
      inflight.take(engine, "direct");
      picked.add(engine);
    }
    assertEquals(picked.size, 5);
  });
}
