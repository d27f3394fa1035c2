import { seededRandom } from "../../lib/base/mod.ts";
import { policiesFor, PrefixExchange, type PromptFacts } from "../../lib/selection/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { candidates, pickAsk } from "./support.ts";

const RANDOM = seededRandom(1);

function promptOf(...chunks: readonly number[]): PromptFacts {
  return {
    tokens: 32 * chunks.length,
    chunks: () => Float64Array.from(chunks),
    cachedAt: () => undefined,
  };
}

Deno.test("PrefixExchange.take() gives what engines have met since, of what they had not met before", () => {
  const exchange = new PrefixExchange();
  const { direct } = policiesFor({ kind: "prefixaware" }, { random: RANDOM, exchange });
  direct.placed?.("a", promptOf(1, 2, 3));
  direct.placed?.("a", promptOf(1, 2));
  direct.placed?.("b", promptOf(1, 2));
  assertEquals(exchange.take().map(({ id, chunks }) => [id, ...chunks]), [
    ["a", 1, 2, 3],
    ["b", 1, 2],
  ]);
  assertEquals(exchange.take(), []);
});

Deno.test("PrefixExchange.hear() has another router's policies know of it, and tells it to nobody", () => {
  const exchange = new PrefixExchange();
  const { direct } = policiesFor({ kind: "prefixaware" }, { random: RANDOM, exchange });
  const from = candidates(3);
  const prompt = promptOf(...Array.from({ length: 40 }, (_, index) => index + 1));
  exchange.hear(from[2]?.engine.id ?? "", prompt.chunks());
  assertEquals(direct.pick(from, pickAsk({ prompt })), from[2]);
  assertEquals(exchange.take(), []);
});

Deno.test("PrefixExchange hears for the index that is in force", () => {
  const exchange = new PrefixExchange();
  exchange.hear("a", Float64Array.of(1, 2));
  const before = policiesFor({ kind: "prefixaware" }, { random: RANDOM, exchange });
  const after = policiesFor({ kind: "prefixaware" }, { random: RANDOM, exchange });
  exchange.hear("a", Float64Array.of(1, 2));
  const held = promptOf(1, 2);
  assertEquals([before.direct.held?.("a", held), after.direct.held?.("a", held)], [0, 64]);
});

Deno.test("PrefixExchange keeps no more than it may until it is taken", () => {
  const exchange = new PrefixExchange();
  for (let prompt = 0; prompt < 100; prompt++) exchange.met("a", new Float64Array(5_000).fill(7));
  const met = exchange.take();
  assertEquals([met.length, met[0]?.chunks.length], [8, 1_024]);
});
