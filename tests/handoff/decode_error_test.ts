import { RouterError } from "../../lib/base/mod.ts";
import { asDecodeError, decodeError } from "../../lib/handoff/decode_error.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { DECODE } from "./support.ts";

Deno.test("decodeError() names the engine, and keeps what caused it", () => {
  const cause = new RouterError("upstream-protocol", "cut");
  const error = decodeError(DECODE, "broke", cause);
  assertEquals([error.code, error.message, error.cause], [
    "decode-failed",
    "Decode on engine http://d:8000 broke",
    cause,
  ]);
});

Deno.test("decodeError() tells time-outs apart", () => {
  const cause = new RouterError("upstream-timeout", "too slow");
  assertEquals(decodeError(DECODE, "broke", cause).code, "upstream-timeout");
});

Deno.test("asDecodeError() leaves a failure of the decode leg as it is, and makes one of the rest", () => {
  const known = decodeError(DECODE, "broke");
  assert(asDecodeError(DECODE, known) === known);
  for (
    const [cause, code] of [
      [new RouterError("upstream-timeout", "slow"), "upstream-timeout"],
      [new RouterError("upstream-unreachable", "slow"), "decode-failed"],
      [new TypeError("slow"), "decode-failed"],
    ] as const
  ) {
    const error = asDecodeError(DECODE, cause);
    assertEquals([error.code, error.message, error.cause], [
      code,
      "Decode on engine http://d:8000 failed: slow",
      cause,
    ]);
  }
});
