import { RouterError, silentLogger } from "../../lib/base/mod.ts";
import { errorAnswer } from "../../lib/http/respond.ts";
import { assertEquals } from "../support/assert.ts";

Deno.test("errorAnswer() has a client that found no room come again, whatever failed for it", () => {
  const overload = new RouterError("overloaded", "No descriptor");
  const errors = [
    overload,
    new RouterError("decode-failed", "No decode", { cause: overload }),
    new RouterError("tokenize-failed", "No ids", { cause: new Error("x", { cause: overload }) }),
  ];
  for (const error of errors) {
    const { status, headers, body } = errorAnswer(error, silentLogger());
    const text = new TextDecoder().decode(body as Uint8Array);
    assertEquals([status, JSON.parse(text).error.code], [503, 503]);
    assertEquals(headers.filter(([name]) => name === "retry-after"), [["retry-after", "1"]]);
  }
});

Deno.test("errorAnswer() has nobody come again for anything else", () => {
  for (const code of ["no-engine", "shutting-down", "upstream-unreachable"] as const) {
    const { headers } = errorAnswer(new RouterError(code, "Not now"), silentLogger());
    assertEquals(headers.map(([name]) => name), ["content-type"]);
  }
});
