import type { Engine } from "../../lib/base/mod.ts";
import { place } from "../../lib/fleet/mod.ts";
import type { Policy, PromptFacts } from "../../lib/selection/mod.ts";
import { assertEquals } from "../support/assert.ts";

function engine(id: string): Engine {
  return { id, url: `http://${id}`, role: "any", models: ["m"], kv: "nixl" };
}

const PROMPT: PromptFacts = {
  tokens: 100,
  chunks: () => new Float64Array(0),
  cachedAt: () => undefined,
};

/** A policy that notes what it is told, and expects engines to hold so many tokens. */
function noting(name: string, held: number, told: string[]): Policy {
  return {
    pick: ([first]) => first,
    placed(id) {
      told.push(`${name} ${id}`);
      return held;
    },
  };
}

Deno.test("place() tells the policies of the sides, and counts what the engine has to compute", () => {
  const told: string[] = [];
  const policies = {
    prefill: noting("prefill", 30, told),
    decode: noting("decode", 70, told),
    direct: noting("direct", 120, told),
  };
  const [one, peer] = [engine("a"), engine("b")];
  assertEquals(place(policies, { engine: one, leg: "prefill", peer, prompt: PROMPT }), 70);
  assertEquals(told.splice(0), ["decode b", "prefill a"]);
  assertEquals(place(policies, { engine: one, leg: "direct", peer: undefined, prompt: PROMPT }), 0);
  assertEquals(told, ["direct a"]);
});

Deno.test("place() counts all of a prompt where policies remember nothing", () => {
  const plain: Policy = { pick: ([first]) => first };
  const policies = { prefill: plain, decode: plain, direct: plain };
  const asked = { engine: engine("a"), leg: "direct", peer: undefined, prompt: PROMPT } as const;
  assertEquals(place(policies, asked), 100);
});
