import { encodeUtf8, type ErrorCode, RouterError } from "../../lib/base/mod.ts";
import {
  ERROR_MEANINGS,
  errorBodyOf,
  errorMessageOf,
  errorTypeOf,
  shallowMembers,
} from "../../lib/openai/mod.ts";
import { assertEquals } from "../support/assert.ts";

const MEANINGS: readonly (readonly [code: ErrorCode, status: number, type: string])[] = [
  ["bad-request", 400, "BadRequestError"],
  ["body-too-large", 413, "RequestTooLargeError"],
  ["client-timeout", 408, "RequestTimeoutError"],
  ["overloaded", 503, "ServiceUnavailableError"],
  ["unauthorized", 401, "AuthenticationError"],
  ["forbidden", 403, "PermissionDeniedError"],
  ["rate-limited", 429, "RateLimitError"],
  ["not-found", 404, "NotFoundError"],
  ["method-not-allowed", 405, "MethodNotAllowedError"],
  ["unknown-model", 404, "NotFoundError"],
  ["unknown-engine", 404, "NotFoundError"],
  ["no-engine", 503, "ServiceUnavailableError"],
  ["key-refused", 502, "BadGatewayError"],
  ["tokenize-failed", 502, "BadGatewayError"],
  ["prefill-failed", 502, "BadGatewayError"],
  ["engine-unhealthy", 502, "BadGatewayError"],
  ["check-failed", 502, "BadGatewayError"],
  ["kv-timeout", 504, "GatewayTimeoutError"],
  ["decode-failed", 502, "BadGatewayError"],
  ["upstream-unreachable", 502, "BadGatewayError"],
  ["upstream-protocol", 502, "BadGatewayError"],
  ["upstream-lost", 502, "BadGatewayError"],
  ["upstream-timeout", 504, "GatewayTimeoutError"],
  ["request-timeout", 504, "GatewayTimeoutError"],
  ["unsupported-coding", 415, "UnsupportedMediaTypeError"],
  ["unsupported-type", 415, "UnsupportedMediaTypeError"],
  ["conflict", 409, "ConflictError"],
  ["pair-unequal", 503, "ServiceUnavailableError"],
  ["client-gone", 499, "ClientClosedRequest"],
  ["shutting-down", 503, "ServiceUnavailableError"],
  ["internal", 500, "InternalServerError"],
];

for (const [code, status, type] of MEANINGS) {
  Deno.test(`errorBodyOf() tells ${code} as ${status} ${type}`, () => {
    assertEquals(errorBodyOf(new RouterError(code, 'Cannot "do" it', { param: "model" })), {
      error: { message: 'Cannot "do" it', type, param: "model", code: status },
    });
  });
}

Deno.test("ERROR_MEANINGS means something for every code, and for no other", () => {
  assertEquals(Object.keys(ERROR_MEANINGS).sort(), MEANINGS.map(([code]) => code).sort());
});

Deno.test("errorBodyOf() has a null param when no field is at fault, and tells no cause", () => {
  const error = new RouterError("internal", "Broken", { cause: new Error("secret") });
  assertEquals(errorBodyOf(error).error.param, null);
  assertEquals(JSON.stringify(errorBodyOf(error)).includes("secret"), false);
});

Deno.test("errorBodyOf() tells whatever fails for want of room as 503", () => {
  const cause = new RouterError("overloaded", "No descriptor");
  const { error } = errorBodyOf(new RouterError("prefill-failed", "No prefill", { cause }));
  assertEquals([error.code, error.type, error.message], [
    503,
    "ServiceUnavailableError",
    "No prefill",
  ]);
});

const MESSAGES: readonly (readonly [name: string, body: unknown, message: string | undefined])[] = [
  ["vLLM's", { error: { message: "m", type: "t", param: null, code: 400 } }, "m"],
  ["older vLLM's", { object: "error", message: "m", type: "t", param: null, code: 400 }, "m"],
  ["an error that is a text", { error: "m" }, "m"],
  ["FastAPI's", { detail: "Not Found" }, "Not Found"],
  ["a bare text", "m", "m"],
  ["FastAPI's list of details", { detail: [{ msg: "m" }] }, undefined],
  ["a message that is no text", { error: { message: 7 } }, undefined],
  ["an empty object", {}, undefined],
  ["an empty error", { error: {} }, undefined],
  ["null", null, undefined],
  ["a number", 7, undefined],
  ["nothing", undefined, undefined],
  ["a list", ["m"], undefined],
];

for (const [name, body, message] of MESSAGES) {
  Deno.test(`errorMessageOf() reads ${name}`, () => assertEquals(errorMessageOf(body), message));
}

const REFUSALS: readonly (readonly [name: string, body: string, error: Record<string, unknown>])[] =
  [
    [
      "vLLM's own",
      '{"error":{"message":"m","type":"t","param":"p","code":422,"x":[1]}}',
      { message: "m", type: "t", param: "p", code: 422, x: [1] },
    ],
    [
      "one that names another status",
      '{"error":{"message":"m","type":"t","param":null,"code":"odd"}}',
      { message: "m", type: "t", param: null, code: 422 },
    ],
    [
      "older vLLM's",
      '{"object":"error","message":"m","type":"t","param":null,"code":422}',
      { message: "m", type: "t", param: null, code: 422 },
    ],
    ["FastAPI's", '{"detail":"m"}', {
      message: "m",
      type: "BadRequestError",
      param: null,
      code: 422,
    }],
    ["a text", '{"error":"m"}', { message: "m", type: "BadRequestError", param: null, code: 422 }],
    ["no JSON", "oh", { message: "known", type: "BadRequestError", param: null, code: 422 }],
    ["a list", "[1]", { message: "known", type: "BadRequestError", param: null, code: 422 }],
  ];

for (const [name, body, error] of REFUSALS) {
  Deno.test(`errorBodyOf() tells a refusal in the engine's words, with its status: ${name}`, () => {
    const refusal = { status: 422, headers: [], body: encodeUtf8(body) };
    const told = errorBodyOf(new RouterError("decode-failed", "known", { refusal }));
    assertEquals(told, { error } as unknown);
  });
}

Deno.test("errorBodyOf() leaves an engine's error in the order it came in", () => {
  const body = '{"error":{"code":400,"param":null,"message":"m","type":"t"}}';
  const refusal = { status: 400, headers: [], body: encodeUtf8(body) };
  const told = errorBodyOf(new RouterError("decode-failed", "known", { refusal }));
  assertEquals(JSON.stringify(told), body);
});

Deno.test("errorTypeOf() names the type of each status that the router tells, and of others", () => {
  assertEquals([400, 404, 503, 418].map(errorTypeOf), [
    "BadRequestError",
    "NotFoundError",
    "ServiceUnavailableError",
    "BadRequestError",
  ]);
});

Deno.test("errorMessageOf() looks through errors within errors, but not for ever", () => {
  const nested = (depth: number): unknown =>
    JSON.parse(`${'{"error":'.repeat(depth)}{"message":"m"}${"}".repeat(depth)}`);
  assertEquals(errorMessageOf(nested(3)), "m");
  assertEquals(errorMessageOf(nested(50_000)), undefined);
});

Deno.test("shallowMembers() leaves out what is nested too deeply to be told", () => {
  const deep: unknown = JSON.parse("[".repeat(50_000) + "]".repeat(50_000));
  const kept = { a: 1, b: null, c: { d: [1, { e: "f" }] } };
  assertEquals(shallowMembers({ ...kept, deep }), kept);
  const body = encodeUtf8(
    `{"error":{"message":"m","a":${"[".repeat(50_000)}${"]".repeat(50_000)}}}`,
  );
  const refusal = { status: 400, headers: [], body };
  const told = errorBodyOf(new RouterError("decode-failed", "x", { refusal }));
  assertEquals(JSON.parse(JSON.stringify(told)).error.message, "m");
});
