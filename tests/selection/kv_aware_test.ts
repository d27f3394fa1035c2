import { kvAware, type PromptFacts, roundRobin, sessionAffinity } from "../../lib/selection/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { candidates, enginesOf, pickAsk } from "./support.ts";

/** A prompt of `tokens`, of which engines hold what `held` says. */
function prompt(tokens: number, held: Readonly<Record<string, number>>): PromptFacts {
  return { tokens, chunks: () => new Float64Array(0), cachedAt: (id) => held[id] };
}

function policyOf(threshold = 2_000) {
  return kvAware({ threshold, sessions: sessionAffinity(roundRobin()) });
}

Deno.test("kvAware() takes the engine that holds most, unless it has more to do than that saves", () => {
  const policy = policyOf();
  const all = candidates(3);
  const last = all[2];
  assert(last !== undefined);
  const wish = pickAsk({ prompt: prompt(3_000, { e1: 1_500, e2: 2_900 }) });
  assertEquals(policy.pick(all, wish).engine.id, "e2");
  last.promptTokens = 5_500;
  assertEquals(policy.pick(all, wish).engine.id, "e2");
  last.promptTokens = 5_700;
  assertEquals(policy.pick(all, wish).engine.id, "e1");
  assertEquals(policy.placed?.("e1", prompt(3_000, { e1: 1_500 })), 1_500);
});

Deno.test("kvAware() goes by the session where all engines lack more of a prompt than the threshold", () => {
  const all = candidates(4);
  const universe = enginesOf(all);
  for (const session of ["a", "b", "c", "d", "e"]) {
    const place = sessionAffinity(roundRobin()).pick(all, pickAsk({ session, universe })).engine.id;
    const other = place === "e0" ? "e1" : "e0";
    const pick = (tokens: number, held: number): string => {
      const ask = { session, universe, prompt: prompt(tokens, { [other]: held }) };
      return policyOf(100).pick(all, pickAsk(ask)).engine.id;
    };
    assertEquals(pick(1_000, 900), other);
    assertEquals(pick(1_000, 899), place);
    // Of a prompt that is shorter than the threshold, anything that is held is enough.
    assertEquals(pick(90, 1), other);
    assertEquals(pick(90, 0), place);
  }
});

Deno.test("kvAware() goes by load where nobody knows anything and there is no session", () => {
  const policy = policyOf();
  const all = candidates(3);
  all[0].inflight = 2;
  Object.assign(all[1] ?? {}, { promptTokens: 100 });
  assertEquals(policy.pick(all, pickAsk({ prompt: prompt(500, {}) })).engine.id, "e2");
  assertEquals(policy.pick(all, pickAsk()).engine.id, "e2");
});
