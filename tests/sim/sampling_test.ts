import { ApiError } from "../../lib/sim/api_error.ts";
import { parseSampling } from "../../lib/sim/sampling.ts";
import { assertEquals, assertStringIncludes, assertThrows } from "../support/assert.ts";

const GIVEN = { maxTokens: 10, maxTokensParam: "max_tokens", logprobs: undefined };

Deno.test("parseSampling() has vLLM's defaults", () => {
  const sampling = parseSampling({}, GIVEN);
  assertEquals(sampling, {
    n: 1,
    maxTokens: 10,
    maxTokensParam: "max_tokens",
    minTokens: 0,
    stop: [],
    stopTokenIds: new Set<number>(),
    forcedId: undefined,
    includeStop: false,
    ignoreEos: false,
    skipSpecial: true,
    logprobs: undefined,
    returnTokenIds: false,
    tokensAsIds: false,
  });
});

Deno.test("parseSampling() reads numbers and booleans out of texts, as pydantic does", () => {
  const sampling = parseSampling({ n: "2", ignore_eos: "yes", min_tokens: true }, GIVEN);
  assertEquals([sampling.n, sampling.ignoreEos, sampling.minTokens], [2, true, 1]);
});

Deno.test("parseSampling() finds the one token that may come", () => {
  const of = (body: Record<string, unknown>) => parseSampling(body, GIVEN).forcedId;
  assertEquals(of({ allowed_token_ids: [50] }), 50);
  assertEquals(of({ logit_bias: { "60": 3, "70": 100 } }), 70);
  assertEquals(of({ logit_bias: { "60": 3 } }), undefined);
});

Deno.test("parseSampling() takes null for absent, and one stop string for a list", () => {
  const sampling = parseSampling({ n: null, min_tokens: null, stop: "x", seed: null }, GIVEN);
  assertEquals([sampling.n, sampling.minTokens, sampling.stop], [1, 0, ["x"]]);
});

const REFUSED: readonly (readonly [body: Record<string, unknown>, text: string])[] = [
  [{ n: 0 }, "n must be at least 1, got 0."],
  [{ n: "two" }, "'loc': 'body.n', 'msg': 'Input should be a valid integer, unable to parse"],
  [{ n: 1.5 }, "valid integer, got a number with a fractional part"],
  [{ n: [1] }, "'type': 'int_type'"],
  [{ n: 20_000 }, "n must be at most 16384, got 20000."],
  [{ min_tokens: -1 }, "min_tokens must be greater than or equal to 0, got -1."],
  [{ min_tokens: 11 }, "min_tokens must be less than or equal to max_tokens=10, got 11."],
  [{ temperature: -0.1 }, "temperature must be non-negative, got -0.1."],
  [{ temperature: "hot" }, "Input should be a valid number, unable to parse string"],
  [{ top_p: 1.1 }, "top_p must be in (0, 1], got 1.1."],
  [{ top_p: 0 }, "top_p must be in (0, 1], got 0.0. (parameter=top_p, value=0.0)"],
  [{ presence_penalty: 3 }, "presence_penalty must be in [-2, 2]"],
  [{ stop: [1] }, "'loc': 'body.stop.0', 'msg': 'Input should be a valid string'"],
  [{ stop: 5 }, "2 validation errors:"],
  [{ stop: [""] }, "stop cannot contain an empty string."],
  [{ stop_token_ids: ["a"] }, "'loc': 'body.stop_token_ids.0'"],
  [{ ignore_eos: "maybe" }, "Input should be a valid boolean, unable to interpret input"],
  [{ ignore_eos: [] }, "'type': 'bool_type'"],
  [{ logit_bias: { "99999": 1 } }, "contain out-of-vocab token ids"],
  [{ cache_salt: "" }, "'cache_salt' must be a non-empty string"],
  [{ kv_transfer_params: "x" }, "Input should be a valid dictionary"],
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
