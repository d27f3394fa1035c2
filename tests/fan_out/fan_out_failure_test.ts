import { decodeUtf8, encodeUtf8, RouterError } from "../../lib/base/mod.ts";
import {
  engineError,
  type Fatal,
  fatalOf,
  notAStream,
  refusal,
} from "../../lib/fan_out/fan_out_failure.ts";
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";
import { FakeBody } from "../support/fake_body.ts";
import { answerWith } from "./support.ts";

/** What the client is told, whose event is one and complete. */
function told({ event }: Fatal): unknown {
  const text = decodeUtf8(event);
  assert(/^data: [^\n]*\n\n$/.test(text), text);
  return JSON.parse(text.slice("data: ".length));
}

Deno.test("notAStream() says what one prompt's answer did", () => {
  const fatal = notAStream("ended early");
  const message = "An engine's answer to one prompt ended early";
  assertEquals([fatal.failure.code, fatal.failure.message], ["upstream-protocol", message]);
  assertEquals(told(fatal), {
    error: { message, type: "BadGatewayError", param: null, code: 502 },
  });
});

Deno.test("fatalOf() tells what was thrown, and nothing of what is the router's own", () => {
  const known = new RouterError("kv-timeout", "too late", { param: "prompt" });
  const fatal = fatalOf(known);
  assert(fatal.failure === known);
  assertEquals(told(fatal), {
    error: { message: "too late", type: "GatewayTimeoutError", param: "prompt", code: 504 },
  });
  const error = new TypeError("a secret");
  const own = fatalOf(error);
  assertEquals([own.failure.code, own.failure.cause], ["internal", error]);
  assertEquals(JSON.stringify(told(own)).includes("secret"), false);
});

Deno.test("engineError() passes an engine's error event on as it is", () => {
  const rows: readonly (readonly [data: string, message: string])[] = [
    ['{"error": {"message":"boom","x":1}}', "An engine failed: boom"],
    ['{"error":{"x":1}}', "An engine failed: an error without a message"],
    ["not JSON", "An engine failed: an error without a message"],
  ];
  for (const [data, message] of rows) {
    const fatal = engineError(encodeUtf8(data), undefined);
    assertEquals(decodeUtf8(fatal.event), `data: ${data}\n\n`);
    assertEquals([fatal.failure.code, fatal.failure.message], ["decode-failed", message]);
  }
  const known = new RouterError("kv-timeout", "too late");
  assert(engineError(encodeUtf8("{}"), known).failure === known, "the body knows better");
});

Deno.test("refusal() tells what an engine answered when the status no longer can", () => {
  const said = { error: { message: "too odd", type: "t", param: "prompt", code: 400 } };
  const refused = refusal(answerWith(encodeUtf8(JSON.stringify(said)), 400));
  assertEquals(told(refused), said);
  assertEquals(refused.failure.code, "bad-request");
  assertStringIncludes(refused.failure.message, "answered 400 to one prompt: too odd");
  assertEquals(refusal(answerWith(encodeUtf8("{}"), 500)).failure.code, "decode-failed");
});

Deno.test("refusal() makes words of an answer that has none", () => {
  for (const body of [encodeUtf8("oh"), encodeUtf8("[1]"), encodeUtf8("null"), new FakeBody()]) {
    const { error } = told(refusal(answerWith(body, 404))) as {
      readonly error: { readonly message: string };
    };
    assertEquals(error.message, "An engine answered 404 to one prompt: no reason given");
  }
  const detail = refusal(answerWith(encodeUtf8('{"detail":"Not Found"}'), 404));
  assertStringIncludes(detail.failure.message, "Not Found");
  assertStringIncludes(JSON.stringify(told(detail)), "Not Found");
});
