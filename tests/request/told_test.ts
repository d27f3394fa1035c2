import { decodeUtf8, encodeUtf8 } from "../../lib/base/mod.ts";
import { isRefused, type Told, toldInData } from "../../lib/request/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";

function told(value: unknown): Told | undefined {
  return toldInData(encodeUtf8(JSON.stringify(value)));
}

const REFUSED: readonly (readonly [error: Record<string, unknown>, status: number])[] = [
  [{ message: "no", type: "BadRequestError", param: null, code: 400 }, 400],
  [{ message: "no", code: "404" }, 404],
  [{ message: "no", code: 429 }, 429],
  [{ message: "no", code: 499 }, 499],
  [{ message: "no", type: "invalid_request_error" }, 400],
  [{ message: "no", type: "request_too_large" }, 413],
  [{ message: "no", type: "rate_limit_error" }, 429],
];

for (const [error, status] of REFUSED) {
  Deno.test(`toldInData() finds a refusal with ${status} in ${JSON.stringify(error)}`, () => {
    const event = { type: "error", error };
    const found = told(event);
    assert(found !== undefined && isRefused(found));
    assertEquals([found.message, found.refusal.status], ["no", status]);
    assertEquals(found.refusal.headers, [["content-type", "application/json"]]);
    assertEquals(JSON.parse(decodeUtf8(found.refusal.body)), event);
  });
}

const FAILED: readonly (readonly [value: unknown, message: string])[] = [
  [{ error: { message: "boom", code: 500 } }, "boom"],
  [{ error: { message: "boom", code: 502 } }, "boom"],
  [{ error: { message: "boom", code: 200 } }, "boom"],
  [{ error: { message: "boom", code: "invalid_value", type: "invalid_request_error" } }, "boom"],
  [{ error: { message: "boom", type: "api_error" } }, "boom"],
  [{ error: { message: "boom", code: 400.5 } }, "boom"],
  [{ error: "boom" }, "boom"],
  [{ error: {} }, "{}"],
  [{ choices: [{ finish_reason: "error" }] }, "finish_reason 'error'"],
  [{ response: { status: "failed" } }, "status 'failed'"],
];

for (const [value, message] of FAILED) {
  Deno.test(`toldInData() finds a failure in ${JSON.stringify(value)}`, () => {
    assertEquals(told(value), { message, refusal: undefined });
  });
}

Deno.test("toldInData() keeps the status of an engine without room, which is no refusal", () => {
  const found = told({ error: { message: "full", code: 503 } });
  assert(found !== undefined && !isRefused(found));
  assertEquals(found.refusal?.status, 503);
});

Deno.test("toldInData() finds nothing in what tells nothing, nor in what is no event", () => {
  const quoted = { choices: [{ text: '"error"', finish_reason: null }], error: null };
  for (const value of [quoted, { choices: [] }, [{ error: 1 }], "error", null, 7]) {
    assertEquals(told(value), undefined);
  }
  for (const text of ["[DONE]", '{"error":', ""]) {
    assertEquals(toldInData(encodeUtf8(text)), undefined);
  }
});

Deno.test("toldInData() does not look into what no engine's error is as large as", () => {
  assertEquals(told({ error: { message: "x".repeat(300_000) } }), undefined);
});

Deno.test("toldInData() keeps a refusal when its bytes are no more", () => {
  const data = encodeUtf8('{"error":{"message":"no","code":400}}');
  const found = toldInData(data);
  data.fill(0);
  assertEquals(decodeUtf8(found?.refusal?.body ?? data), '{"error":{"message":"no","code":400}}');
});
