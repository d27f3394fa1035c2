import { outputLimit } from "../../lib/sim/token_limit.ts";
import { ApiError } from "../../lib/sim/api_error.ts";
import { assertEquals, assertStringIncludes, assertThrows } from "../support/assert.ts";
import { startSim } from "../support/cluster.ts";
import { post } from "../support/router.ts";

const IDS = [1, 2, 3];

/** Length of the context, default, ceiling; what is wanted; the limit. */
const LIMITS: readonly (readonly [
  own: readonly [length: number, normal?: number | undefined, ceiling?: number],
  wanted: number | undefined,
  limit: number,
])[] = [
  [[100], undefined, 97],
  [[100], 5, 5],
  [[100], 99, 97],
  [[100, 20], undefined, 20],
  [[100, 20], 50, 50],
  [[100, 200], undefined, 97],
  [[100, undefined, 20], undefined, 20],
  [[100, undefined, 20], 50, 20],
  [[100, undefined, 20], 5, 5],
  [[100, 50, 20], undefined, 20],
];

for (const [[maxModelLen, maxNewTokens, overrideMaxNewTokens], maxTokens, limit] of LIMITS) {
  Deno.test(`outputLimit() of ${maxTokens} under ${[maxModelLen, maxNewTokens, overrideMaxNewTokens]}`, () => {
    const options = { maxModelLen, maxNewTokens, overrideMaxNewTokens };
    const wanted = { maxTokens, maxTokensParam: "max_tokens", minTokens: 0 };
    assertEquals(outputLimit(options, IDS, wanted), limit);
    assertEquals(outputLimit(options, IDS, { ...wanted, minTokens: limit }), limit);
    const above = { ...wanted, minTokens: limit + 1 };
    const error = assertThrows(() => outputLimit(options, IDS, above), ApiError);
    assertStringIncludes(error.message, `max_tokens=${limit}, got ${limit + 1}.`);
  });
}

Deno.test("an engine holds its limits on every endpoint", async () => {
  const chat = { model: "sim-model", messages: [{ role: "user", content: "Ships" }] };
  const completion = { model: "sim-model", prompt: "Ships" };
  const free = { ignore_eos: true };
  const rows = [
    [{ maxNewTokens: 30 }, "/v1/chat/completions", chat, 30],
    [{ maxNewTokens: 30 }, "/v1/completions", completion, 16],
    [{ overrideMaxNewTokens: 9 }, "/v1/chat/completions", { ...chat, max_tokens: 50 }, 9],
    [{ overrideMaxNewTokens: 9 }, "/v1/completions", completion, 9],
  ] as const;
  for (const [options, path, body, tokens] of rows) {
    await using engine = await startSim(options);
    const answer = await (await post(engine.url + path, { ...body, ...free })).json();
    assertEquals(answer.usage.completion_tokens, tokens, path);
    const least = { ...body, max_tokens: undefined, min_tokens: 2 ** 31 - 1 };
    const refusal = await post(engine.url + path, least);
    assertEquals(refusal.status, 400);
    assertStringIncludes((await refusal.json()).error.message, `max_tokens=${tokens}, got`);
  }
});
