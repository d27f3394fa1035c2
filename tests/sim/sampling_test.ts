import { ApiError } from "../../lib/sim/api_error.ts";
import { parseSampling } from "../../lib/sim/sampling.ts";
import { assertEquals, assertStringIncludes, assertThrows } from "../support/assert.ts";

const GIVEN = { maxTokens: 10, maxTokensParam: "max_tokens", logprobs: undefined };

Deno.test("parseSampling() has vLLM's defaults", () => {
  const sampling = parseSampling({}, GIVEN);
  assertEquals(sampling, {
    n: 1,
    maxTokens: 10,
    minTokens: 0,
    stop: [],
    stopTokenIds: new Set<number>(),
    includeStop: false,
    ignoreEos: false,
    skipSpecial: true,
    logprobs: undefined,
    returnTokenIds: false,
    tokensAsIds: false,
  });
});

Deno.test("parseSampling() takes null for absent, and one stop string for a list", () => {
  const sampling = parseSampling({ n: null, min_tokens: null, stop: "x", seed: null }, GIVEN);
  assertEquals([sampling.n, sampling.minTokens, sampling.stop], [1, 0, ["x"]]);
});

const REFUSED: readonly (readonly [body: Record<string, unknown>, text: string])[] = [
  [{ n: 0 }, "n must be at least 1, got 0."],
  [{ n: "2" }, "n: Input should be a valid integer"],
  [{ n: 1.5 }, "n: Input should be a valid integer"],
  [{ min_tokens: -1 }, "min_tokens must be greater than or equal to 0, got -1."],
  [{ min_tokens: 11 }, "min_tokens must be less than or equal to max_tokens=10, got 11."],
  [{ temperature: -0.1 }, "temperature must be in"],
  [{ temperature: "hot" }, "temperature: Input should be a valid number"],
  [{ top_p: 1.1 }, "top_p must be in [0, 1]"],
  [{ presence_penalty: 3 }, "presence_penalty must be in [-2, 2]"],
  [{ stop: [1] }, "stop: Input should be a valid string"],
  [{ stop: [""] }, "stop cannot contain an empty string."],
  [{ stop_token_ids: ["a"] }, "stop_token_ids must contain only integers."],
  [{ ignore_eos: "yes" }, "ignore_eos: Input should be a valid boolean"],
];

for (const [body, text] of REFUSED) {
  Deno.test(`parseSampling() refuses ${JSON.stringify(body)}`, () => {
    const error = assertThrows(() => parseSampling(body, GIVEN), ApiError, text);
    assertEquals(error.status, 400);
  });
}

for (const maxTokens of [0, -1]) {
  Deno.test(`parseSampling() refuses max_tokens ${maxTokens}`, () => {
    const given = { ...GIVEN, maxTokens };
    const error = assertThrows(() => parseSampling({}, given), ApiError);
    assertStringIncludes(error.message, `max_tokens must be at least 1, got ${maxTokens}.`);
    assertEquals(error.param, "max_tokens");
  });
}
