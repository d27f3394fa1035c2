import { decodeUtf8, encodeUtf8, RouterError } from "../../lib/base/mod.ts";
import {
  answerEventFor,
  errorBodyFor,
  errorEventFor,
  idFields,
  isAnthropic,
} from "../../lib/http/dialect.ts";
import { assertEquals } from "../support/assert.ts";

const ERROR = new RouterError("unknown-model", "There is no model 'x'", { param: "model" });

function telling(path: string): Parameters<typeof errorBodyFor>[0] {
  return { path, requestId: "r", told: (error) => error };
}

/** The name of an event, where it has one, and its data. */
function read(event: Uint8Array): readonly [name: string | undefined, data: unknown] {
  const [, name, data = ""] = /^(?:event: (.*)\n)?data: (.*)\n\n$/.exec(decodeUtf8(event)) ?? [];
  return [name, JSON.parse(data)];
}

Deno.test("isAnthropic() holds for its endpoints alone", () => {
  const paths = ["/v1/messages", "/v1/messages/count_tokens", "/v1/messagesx", "/v1/responses", ""];
  assertEquals(paths.map(isAnthropic), [true, true, false, false, false]);
});

Deno.test("errorBodyFor() has the shape of the endpoint's API", () => {
  const error = {
    message: "There is no model 'x'",
    type: "NotFoundError",
    param: "model",
    code: 404,
  };
  for (const path of ["/v1/completions", "/v1/responses", ""]) {
    assertEquals(errorBodyFor(telling(path), ERROR), { error }, path);
  }
  assertEquals(errorBodyFor(telling("/v1/messages"), ERROR), {
    type: "error",
    error: { type: "not_found_error", message: "There is no model 'x'" },
    request_id: "r",
  });
});

Deno.test("errorEventFor() names the events that an API names", () => {
  const [plain] = read(errorEventFor(telling("/v1/chat/completions"), ERROR));
  const [response, told] = read(errorEventFor(telling("/v1/responses"), ERROR));
  const [message] = read(errorEventFor(telling("/v1/messages"), ERROR));
  assertEquals([plain, response, message], [undefined, "error", "error"]);
  assertEquals(Object(told).type, "error");
});

Deno.test("errorBodyFor() says what a client may see, and not what was thrown", () => {
  const told = (): RouterError => new RouterError("internal", "hidden");
  const { error } = Object(errorBodyFor({ ...telling(""), told }, ERROR));
  assertEquals([error.message, error.code], ["hidden", 500]);
});

const SAID: readonly (readonly [status: number, body: string, error: object])[] = [
  [
    400,
    '{"error":{"message":"no","type":"T","param":"p","code":"odd","hint":1}}',
    { message: "no", type: "T", param: "p", code: 400, hint: 1 },
  ],
  [422, '{"detail":"wrong"}', {
    message: "wrong",
    type: "BadRequestError",
    param: null,
    code: 422,
  }],
  [503, "busy", { message: "busy", type: "BadGatewayError", param: null, code: 503 }],
  [429, "", {
    message: "The request was answered with status 429",
    type: "BadRequestError",
    param: null,
    code: 429,
  }],
  [400, "x".repeat(400), {
    message: "x".repeat(300),
    type: "BadRequestError",
    param: null,
    code: 400,
  }],
];

for (const [status, body, error] of SAID) {
  Deno.test(`answerEventFor() tells an answer of ${status} with ${body.slice(0, 20) || "nothing"}`, () => {
    const event = answerEventFor(telling("/v1/completions"), { status, body: encodeUtf8(body) });
    assertEquals(read(event), [undefined, { error }]);
  });
}

Deno.test("idFields() tells the id also where Anthropic's clients look for it", () => {
  assertEquals(idFields("/v1/completions", "r"), [["x-request-id", "r"]]);
  assertEquals(idFields("/v1/messages", "r"), [["x-request-id", "r"], ["request-id", "r"]]);
});
