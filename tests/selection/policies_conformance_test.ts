import fc from "fast-check";
import { seededRandom } from "../../lib/base/mod.ts";
import { POLICY_NAMES, type PolicyName } from "../../lib/config/mod.ts";
import {
  Affinity,
  type Candidates,
  type EngineStats,
  type PickAsk,
  policiesFor,
  type Policy,
  PrefixIndex,
  type PromptFacts,
} from "../../lib/selection/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { candidates, enginesOf, pickAsk, some, type TestCandidate } from "./support.ts";

const SIDES = ["prefill", "decode", "direct"] as const;

function policyOf(kind: PolicyName, side: typeof SIDES[number], seed = 1): Policy {
  return policiesFor({ kind, topology: ["zone"] }, { random: seededRandom(seed) })[side];
}

/** A prompt of `length` chunks of the text `text`, of which engines hold what `held` says. */
function prompt(
  text: number,
  length: number,
  held: Readonly<Record<string, number>> = {},
): PromptFacts {
  const chunks = Float64Array.from({ length }, (_, at) => text * 10_000 + at);
  return { tokens: 32 * length + 1, chunks: () => chunks, cachedAt: (id) => held[id] };
}

function stats(running: number, kvUse: number): EngineStats {
  return { running, waiting: 0, kvUse, own: 0, readMs: 0 };
}

const state = fc.record({
  inflight: fc.nat(5),
  promptTokens: fc.option(fc.nat(5_000), { nil: undefined }),
  kvUse: fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { nil: undefined }),
  running: fc.nat(5),
});

const ask = fc.record({
  text: fc.nat(4),
  length: fc.nat(40),
  known: fc.boolean(),
  session: fc.option(fc.string(), { nil: undefined }),
  prompted: fc.boolean(),
  attempt: fc.constantFrom(1, 1, 1, 2),
  among: fc.subarray([0, 1, 2, 3], { minLength: 1 }),
  forget: fc.option(fc.nat(3), { nil: undefined, freq: 10 }),
});

type Step = typeof ask extends fc.Arbitrary<infer T> ? T : never;

function askOf(step: Step, from: Candidates): PickAsk {
  const held = step.known ? { e0: 100, e2: 400 } : {};
  return pickAsk({
    session: step.session,
    attempt: step.attempt,
    universe: enginesOf(from),
    ...(step.prompted ? { prompt: prompt(step.text, step.length, held) } : {}),
  });
}

/** What is picked, step by step; what is picked is placed. */
function story(policy: Policy, all: Candidates, steps: readonly Step[]): readonly string[] {
  return steps.map((step) => {
    const from = some(step.among.flatMap((at) => all[at] ?? []));
    const wish = askOf(step, all);
    const picked = policy.pick(from, wish);
    assert(from.includes(picked), `${picked.engine.id} is no candidate`);
    if (wish.prompt !== undefined) {
      const held = policy.placed?.(picked.engine.id, wish.prompt) ?? 0;
      assert(held >= 0 && held <= wish.prompt.tokens, `${held} of ${wish.prompt.tokens}`);
    }
    if (step.forget !== undefined) policy.forget?.(`e${step.forget}`);
    return picked.engine.id;
  });
}

function fleetOf(states: readonly (typeof state extends fc.Arbitrary<infer T> ? T : never)[]) {
  const all = candidates(4);
  for (const [at, { inflight, promptTokens, kvUse, running }] of states.entries()) {
    Object.assign(
      all[at] ?? {},
      { inflight },
      promptTokens === undefined ? {} : { promptTokens },
      kvUse === undefined ? {} : { stats: stats(running, kvUse) },
    );
  }
  return all;
}

const fleet = fc.array(state, { minLength: 4, maxLength: 4 });

for (const kind of POLICY_NAMES) {
  for (const side of SIDES) {
    Deno.test(`${kind} picks one of the list for ${side}, alike for one seed, and changes no candidate`, () => {
      fc.assert(
        fc.property(fleet, fc.array(ask, { maxLength: 30 }), (states, steps) => {
          const all = fleetOf(states);
          const before = structuredClone(all);
          const seen = story(policyOf(kind, side), all, steps);
          assertEquals(story(policyOf(kind, side), all, steps), seen);
          assertEquals([...all], [...before]);
        }),
        { seed: 2026, numRuns: 100 },
      );
    });

    Deno.test(`${kind} takes no turn for ${side} on later attempts`, () => {
      const [plain, other] = [policyOf(kind, side), policyOf(kind, side)];
      const all = candidates(4);
      for (let turn = 0; turn < 40; turn++) {
        const wish = { universe: enginesOf(all), prompt: prompt(turn, 5) };
        other.pick(all, pickAsk({ ...wish, attempt: 2 }));
        const picked = plain.pick(all, pickAsk(wish)).engine.id;
        assertEquals(other.pick(all, pickAsk(wish)).engine.id, picked);
      }
    });

    Deno.test(`${kind} picks for ${side} as if an engine that has gone had never been`, () => {
      const [fresh, used] = [policyOf(kind, side), policyOf(kind, side)];
      const all = candidates(3);
      const universe = enginesOf(all);
      for (let text = 0; text < 20; text++) {
        for (const { engine: { id } } of all) used.placed?.(id, prompt(text, 20));
      }
      for (const { id } of universe) used.forget?.(id);
      const wish = pickAsk({ universe, prompt: prompt(3, 20) });
      assertEquals(used.pick(all, wish).engine.id, fresh.pick(all, wish).engine.id);
      for (const { id } of universe) assertEquals(used.placed?.(id, prompt(3, 20)) ?? 0, 0);
    });
  }

  Deno.test(`${kind} gives engines alike their share of requests that have nothing in common`, () => {
    const policy = policyOf(kind, "direct");
    const all = candidates(4);
    const counts = new Map<string, number>();
    const held: TestCandidate[] = [];
    for (let turn = 0; turn < 2_000; turn++) {
      const wish = { session: `s${turn}`, universe: enginesOf(all), prompt: prompt(turn, 8) };
      const { id } = policy.pick(all, pickAsk(wish)).engine;
      policy.placed?.(id, wish.prompt);
      counts.set(id, (counts.get(id) ?? 0) + 1);
      const at = all.find(({ engine }) => engine.id === id) ?? all[0];
      at.inflight++;
      held.push(at);
      const ended = held.length > 16 ? held.shift() : undefined;
      if (ended !== undefined) ended.inflight--;
    }
    // The ring of sessions has arcs of different lengths, and the first of equals is often the same.
    const most = kind === "session" ? 1.4 : 1.25;
    for (const count of counts.values()) assert(count < most * 500, `${kind} ${[...counts]}`);
    assertEquals(counts.size, 4);
  });
}

Deno.test("policiesFor() keeps the index of prompts that never repeat within its bytes, for all sides together", () => {
  const indexBytes = 1024 * 1024;
  const policies = policiesFor({ kind: "prefixaware", prefix: { minMatch: 0, indexBytes } });
  for (let text = 0; text < 5_000; text++) {
    for (const side of SIDES) policies[side].placed?.(`e${text % 7}`, prompt(text, 30));
  }
  const first = prompt(0, 30);
  // What came first has gone; what came last is there, whichever side asks.
  assertEquals(policies.prefill.placed?.("e0", first), 0);
  const last = prompt(4_999, 30);
  assert((policies.direct.placed?.(`e${4_999 % 7}`, last) ?? 0) > 900);
});

Deno.test("Affinity and PrefixIndex keep nothing of engines that have gone", () => {
  const affinity = new Affinity(1);
  const index = new PrefixIndex(1024 * 1024);
  for (let at = 0; at < 1_000; at++) {
    affinity.placed(`e${at}`, 10);
    index.add(`e${at}`, Float64Array.of(at));
  }
  for (let at = 0; at < 1_000; at++) {
    affinity.forget(`e${at}`);
    index.forget(`e${at}`);
  }
  assertEquals([affinity.size, index.engines, index.bytes], [0, 0, 0]);
});
