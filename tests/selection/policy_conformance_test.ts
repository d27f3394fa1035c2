import { seededRandom } from "../../lib/base/mod.ts";
import { POLICY_NAMES } from "../../lib/config/mod.ts";
import {
  type Candidates,
  leastInflight,
  type PickAsk,
  policiesFor,
  type Policy,
  roundRobin,
  sessionAffinity,
} from "../../lib/selection/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import {
  candidate,
  candidates,
  enginesOf,
  pickAsk,
  some,
  type TestCandidate,
  type TestCandidates,
} from "./support.ts";

const POLICIES: readonly (readonly [name: string, make: () => Policy])[] = [
  ...POLICY_NAMES.map((kind) => [kind, () => policiesFor({ kind }).direct] as const),
  ["leastInflight()", leastInflight],
  ["sessionAffinity(roundRobin())", () => sessionAffinity(roundRobin())],
  [
    "sessionAffinity(sessionAffinity(roundRobin()))",
    () => sessionAffinity(sessionAffinity(roundRobin())),
  ],
];

const PEERS = [candidate("d0", "decode"), candidate("d1", "decode", "nixl")];

/** The choices that a policy is asked for, with what `chance` gives the ask besides. */
const SIDES: Readonly<Record<string, (chance: number) => Partial<PickAsk>>> = {
  "for one engine": () => ({}),
  "for a pair's first side": (chance) => ({ mode: chance < 0.5 ? "p1" : "d1" }),
  "for a pair's second side": (chance) => ({
    mode: chance < 0.5 ? "p1" : "d1",
    peer: {
      candidate: PEERS[chance < 0.3 ? 0 : 1] ?? candidate("d2", "decode"),
      among: 1 + Math.floor(chance * 7),
    },
  }),
};

/** A subset of `from`, in its order. */
function someOf(from: Candidates, chance: () => number): Candidates {
  const chosen = from.filter(() => chance() < 0.6);
  return some(chosen.length === 0 ? [from[0]] : chosen);
}

for (const [name, make] of POLICIES) {
  for (const [side, extra] of Object.entries(SIDES)) {
    /** The ask of a random request in the fleet of `all`. */
    const askFor = (all: Candidates, chance: () => number): PickAsk => {
      const key = chance();
      return pickAsk({
        model: chance() < 0.5 ? "m" : "n",
        session: key < 0.3 ? undefined : `session ${Math.floor(key * 50)}`,
        attempt: chance() < 0.8 ? 1 : 2,
        universe: enginesOf(all),
        ...extra(chance()),
      });
    };

    /** The picks of a random history of requests that come and go; the same for one seed. */
    const history = (seed: number): readonly string[] => {
      const random = seededRandom(seed);
      const chance = (): number => random.next();
      const policy = make();
      const all = candidates(6);
      const held: TestCandidate[] = [];
      return Array.from({ length: 400 }, () => {
        const from = someOf(all, chance);
        const choice = policy.pick(from, askFor(all, chance));
        assert(from.includes(choice), `${choice.engine.id} is no candidate`);
        const picked = all.find((one) => one === choice) ?? all[0];
        picked.inflight++;
        held.push(picked);
        const ended = chance() < 0.5 ? held.shift() : undefined;
        if (ended !== undefined) ended.inflight--;
        if (chance() < 0.05) policy.forget?.(`e${Math.floor(chance() * 6)}`);
        return picked.engine.id;
      });
    };

    Deno.test(`${name} picks one of the candidates ${side}, whichever they are`, () => {
      for (let seed = 1; seed <= 10; seed++) assertEquals(history(seed).length, 400);
    });

    Deno.test(`${name} picks the same ${side} after the same history`, () => {
      for (let seed = 1; seed <= 5; seed++) assertEquals(history(seed), history(seed));
    });

    Deno.test(`${name} picks the only candidate ${side}`, () => {
      const policy = make();
      const all = candidates(3);
      const universe = enginesOf(all);
      // What was there before must not matter.
      for (const session of ["a", "b", undefined]) {
        policy.pick(all, pickAsk({ session, universe, ...extra(0.4) }));
      }
      for (const only of all) {
        for (const session of ["a", "", undefined]) {
          for (const attempt of [1, 2]) {
            const ask = pickAsk({ session, universe, attempt, ...extra(0.4) });
            assert(policy.pick([only], ask) === only);
          }
        }
      }
    });

    Deno.test(`${name} leaves the candidates ${side} as they are`, () => {
      const policy = make();
      const all = candidates(4);
      const before = structuredClone(all) as TestCandidates;
      const [first, ...rest] = all.map((one) => Object.freeze(one));
      assert(first !== undefined);
      const frozen: Candidates = Object.freeze([first, ...rest]);
      const universe = Object.freeze(enginesOf(frozen));
      for (let round = 0; round < 20; round++) {
        policy.pick(frozen, Object.freeze(pickAsk({ session: `${round}`, universe, ...extra(0) })));
        policy.pick(frozen, Object.freeze(pickAsk({ universe, ...extra(0.9) })));
      }
      assertEquals([...all], [...before]);
    });

    Deno.test(`${name} gives every engine work ${side}`, () => {
      const policy = make();
      const all = candidates(5);
      const universe = enginesOf(all);
      const picked = new Set<string>();
      for (let round = 0; round < 200; round++) {
        const ask = pickAsk({ session: `session ${round}`, universe, ...extra(0.2) });
        const choice = policy.pick(all, ask);
        for (const one of all) if (one === choice) one.inflight++;
        picked.add(choice.engine.id);
      }
      assertEquals(picked.size, 5);
    });
  }
}
