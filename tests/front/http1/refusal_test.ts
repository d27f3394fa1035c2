import { decodeUtf8 } from "../../../lib/base/mod.ts";
import { Refusal, refusalOf } from "../../../lib/front/http1/refusal.ts";
import { refusalAnswer } from "../../../lib/front/http1/refusal_answer.ts";
import { WireError } from "../../../lib/http1/mod.ts";
import { assert, assertEquals, assertThrows } from "../../support/assert.ts";

Deno.test("refusalOf() says with which status bytes are refused", () => {
  const refusal = new Refusal(414, "too long");
  assert(refusalOf(refusal) === refusal);
  const malformed = refusalOf(new WireError("folded"));
  assertEquals([malformed.status, malformed.message], [400, "folded"]);
  assertEquals(refusalOf(new WireError("large", { tooLarge: true })).status, 431);
});

Deno.test("refusalOf() throws what is no refusal", () => {
  assertThrows(() => refusalOf(new TypeError("a bug")), TypeError, "a bug");
});

Deno.test("refusalAnswer() tells the reason", () => {
  const { status, headers, body } = refusalAnswer(new Refusal(417, "no tea"));
  assertEquals([status, headers], [417, [["content-type", "text/plain; charset=utf-8"]]]);
  assertEquals(body instanceof Uint8Array && decodeUtf8(body), "no tea\n");
});
