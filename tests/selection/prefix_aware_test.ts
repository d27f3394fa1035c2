import fc from "fast-check";
import { prefixAware, PrefixIndex, type PromptFacts } from "../../lib/selection/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { candidates, counted, enginesOf, pickAsk } from "./support.ts";

/** A prompt of the chunks named. */
function prompt(...chunks: readonly number[]): PromptFacts {
  const hashes = Float64Array.from(chunks);
  return { tokens: 40 * chunks.length, chunks: () => hashes, cachedAt: () => undefined };
}

function policyOf(minMatch = 0) {
  return prefixAware({ index: new PrefixIndex(1024 * 1024), minMatch });
}

Deno.test("prefixAware() sends a prompt where its beginning has been, and load decides among equals", () => {
  const policy = policyOf();
  const all = candidates(3);
  policy.placed?.("e1", prompt(1, 2, 3, 4));
  assertEquals(policy.pick(all, pickAsk({ prompt: prompt(1, 2, 3, 9) })).engine.id, "e1");
  policy.placed?.("e2", prompt(1, 2, 3, 4));
  Object.assign(all[1] ?? {}, { promptTokens: 10 });
  assertEquals(policy.pick(all, pickAsk({ prompt: prompt(1, 2, 3, 9) })).engine.id, "e2");
  assertEquals(policy.placed?.("e2", prompt(1, 2, 8)), 80);
});

Deno.test("prefixAware() leaves an engine alone that has more to do than the beginning saves", () => {
  const policy = policyOf();
  const all = candidates(2);
  policy.placed?.("e0", prompt(1, 2, 3, 4));
  policy.placed?.("e1", prompt(7, 8, 9, 10));
  all[0].promptTokens = 159;
  const wish = pickAsk({ prompt: prompt(1, 2, 3, 4) });
  assertEquals(policy.pick(all, wish).engine.id, "e0");
  all[0].promptTokens = 161;
  assertEquals(policy.pick(all, wish).engine.id, "e1");
});

Deno.test("prefixAware() counts a match for nothing that is shorter than it should be", () => {
  const all = candidates(2);
  for (const [minMatch, id] of [[256, "e1"], [257, "e0"]] as const) {
    const policy = policyOf(minMatch);
    policy.placed?.("e0", prompt(50, 51));
    policy.placed?.("e1", prompt(1, 2));
    policy.placed?.("e1", prompt(60, 61));
    // By share alone it would be the other.
    assertEquals(policy.pick(all, pickAsk({ prompt: prompt(1, 2, 3) })).engine.id, id);
  }
});

Deno.test("prefixAware() sends a hot beginning to more than one engine", () => {
  const policy = policyOf();
  const all = candidates(4);
  const seen = Array.from({ length: 400 }, (_, turn) => {
    const wish = prompt(1, 2, 3, 4, 5, 6, 7, 8, 1_000 + turn);
    const { id } = policy.pick(all, pickAsk({ prompt: wish })).engine;
    policy.placed?.(id, wish);
    return id;
  });
  // Nothing but the share of each is even here: no engine is busy.
  for (const count of Object.values(counted(seen))) assert(count <= 230, `${count}`);
});

Deno.test("prefixAware() takes the least loaded engine for what has no prompt", () => {
  const all = candidates(2);
  all[0].inflight = 1;
  assertEquals(policyOf().pick(all, pickAsk()).engine.id, "e1");
});

Deno.test("prefixAware() moves no other conversation when an engine goes", () => {
  fc.assert(
    fc.property(fc.nat(3), (gone) => {
      const policy = policyOf();
      const all = candidates(4);
      const conversations = Array.from({ length: 40 }, (_, at) => prompt(at * 10, at * 10 + 1));
      const place = (wish: PromptFacts): string => {
        const { id } = policy.pick(all, pickAsk({ prompt: wish })).engine;
        policy.placed?.(id, wish);
        return id;
      };
      const before = conversations.map(place);
      assertEquals(conversations.map(place), before);
      policy.forget?.(`e${gone}`);
      const [first, ...rest] = all.filter(({ engine }) => engine.id !== `e${gone}`);
      assert(first !== undefined);
      const left = [first, ...rest] as const;
      for (const [at, wish] of conversations.entries()) {
        if (before[at] === `e${gone}`) continue;
        const ask = pickAsk({ prompt: wish, universe: enginesOf(left) });
        assertEquals(policy.pick(left, ask).engine.id, before[at]);
      }
    }),
  );
});
