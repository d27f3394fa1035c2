import type { Routing } from "../../lib/config/mod.ts";
import type { SimEngine } from "../../lib/sim/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { MODEL, startCluster, startSim } from "../support/cluster.ts";
import { engineAt, post, startRouter } from "../support/router.ts";

interface Message {
  readonly role: string;
  readonly content: string;
}

/** Ask, and wait for the whole answer; what is then said of the conversation. */
async function turn(url: string, messages: readonly Message[]): Promise<readonly Message[]> {
  const response = await post(`${url}/v1/chat/completions`, {
    model: MODEL,
    messages,
    max_tokens: 4,
  });
  assertEquals(response.status, 200);
  const { choices: [{ message: { content } }] } = await response.json();
  return [...messages, { role: "assistant", content }];
}

function question(about: string): Message {
  return { role: "user", content: `${about}: ${"why and how long? ".repeat(20)}` };
}

/** Prompts that each of `engines` has computed. */
function promptsOf(engines: readonly SimEngine[]): readonly number[] {
  return engines.map((engine) => {
    const { prefills, directs } = engine.stats();
    return prefills + directs;
  });
}

/** Which of `engines` has computed more prompts than `before` says. */
function busiedSince(engines: readonly SimEngine[], before: readonly number[]): number {
  return promptsOf(engines).findIndex((count, index) => count > (before[index] ?? 0));
}

Deno.test("prefixaware keeps each conversation at one engine, and spreads conversations", async () => {
  await using first = await startSim({ role: "any" }, 1);
  await using second = await startSim({ role: "any" }, 2);
  await using third = await startSim({ role: "any" }, 3);
  const engines = [first, second, third];
  await using router = await startRouter(engines.map(({ url }) => engineAt(url, "any")), {
    routing: { kind: "prefixaware" },
  });
  const places = new Set<number>();
  for (const about of ["tides", "bread", "chess", "moss", "glass", "snow"]) {
    let messages: readonly Message[] = [];
    const seen = new Set<number>();
    for (let asked = 0; asked < 3; asked++) {
      const before = promptsOf(engines);
      messages = await turn(router.url, [...messages, question(about)]);
      seen.add(busiedSince(engines, before));
    }
    assertEquals(seen.size, 1, `${about}: ${[...seen]}`);
    for (const place of seen) places.add(place);
  }
  assertEquals(places.size, 3);
});

const SIDES: readonly Routing[] = [
  { kind: "power_of_two" },
  { kind: "least_loaded", prefill: "prefixaware", decode: "kvaware" },
  { kind: "least_loaded", prefill: "pair_score", decode: "pair_score", topology: ["zone"] },
];

for (const routing of SIDES) {
  const { kind, prefill = kind, decode = kind } = routing;
  Deno.test(`handoffs are chosen by ${prefill} and ${decode}, and nothing is left of them`, async () => {
    await using cluster = await startCluster({ prefills: 2, decodes: 2, router: { routing } });
    const { url, prefills } = cluster;
    let messages: readonly Message[] = [];
    const seen = new Set<number>();
    for (let asked = 0; asked < 3; asked++) {
      const before = promptsOf(prefills);
      messages = await turn(url, [...messages, question("tides")]);
      seen.add(busiedSince(prefills, before));
    }
    assert(!seen.has(-1), "each was handed off");
    if (prefill !== "power_of_two") assertEquals(seen.size, 1);
    await Promise.all(
      Array.from({ length: 8 }, (_, index) => turn(url, [question(`other ${index}`)])),
    );
    const busy = promptsOf(prefills);
    assert(busy.every((count) => count > 0), `${busy}`);
    await cluster.quiet();
  });
}
