import type { PromptFacts } from "../../lib/selection/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { ScriptedSource } from "../support/scripted_source.ts";
import { cards, engine, failure, Scene } from "./support.ts";

const A = engine("a", ["m"]);
const PROMPT: PromptFacts = {
  tokens: 120,
  chunks: () => new Float64Array(0),
  cachedAt: () => undefined,
};

async function scene(): Promise<Scene> {
  const made = new Scene({ a: cards(["m"]) });
  made.follow(ScriptedSource.of([A]));
  await made.clock.advance(1_000);
  return made;
}

/** Prompt tokens that engine `a` has to compute, as policies see it. */
function tokens({ fleet }: Scene): number | undefined {
  return fleet.snapshot().group("m").direct.find(({ engine: { id } }) => id === "a")?.promptTokens;
}

Deno.test("Fleet.take() counts a prompt at its engine until the answer begins", async () => {
  await using made = await scene();
  const one = made.fleet.take(A, "direct", undefined, undefined, { prompt: PROMPT });
  const other = made.fleet.take(A, "direct", undefined, undefined, { prompt: PROMPT });
  assertEquals(tokens(made), 240);
  one.head(200);
  assertEquals(tokens(made), 120);
  one.ok();
  other.failed(failure("upstream-lost"));
  assertEquals(tokens(made), 0);
});

Deno.test("Fleet.take() counts no prompt of legs that compute none, nor of flights that are left", async () => {
  await using made = await scene();
  {
    using _decode = made.fleet.take(A, "decode", engine("b", ["m"]));
    assertEquals(tokens(made), 0);
    using _left = made.fleet.take(A, "direct", undefined, undefined, { prompt: PROMPT });
    assertEquals(tokens(made), 120);
  }
  assertEquals(tokens(made), 0);
});
