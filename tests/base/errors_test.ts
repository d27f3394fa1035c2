import {
  describeError,
  errorCodeOf,
  isUnsent,
  overloadIn,
  RouterError,
} from "../../lib/base/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";

Deno.test("RouterError carries its code, its cause and the field at fault", () => {
  const cause = new TypeError("refused");
  const error = new RouterError("prefill-failed", "Cannot prefill", { cause, param: "prompt" });
  assert(error instanceof Error);
  assertEquals(error.name, "RouterError");
  assertEquals(error.code, "prefill-failed");
  assertEquals(error.message, "Cannot prefill");
  assertEquals(error.cause, cause);
  assertEquals(error.param, "prompt");
});

Deno.test("RouterError has neither cause nor field unless given", () => {
  const error = new RouterError("internal", "Broken");
  assertEquals("cause" in error, false);
  assertEquals(error.param, undefined);
  assertEquals("cause" in new RouterError("internal", "Broken", { param: "n" }), false);
});

const refused = new Error("refused");
const DESCRIBED: readonly (readonly [name: string, error: unknown, text: string])[] = [
  ["an error", refused, "refused"],
  [
    "an error with causes, outermost first",
    new Error("Cannot connect", { cause: refused }),
    "Cannot connect: refused",
  ],
  ["an error without a message, by its name", new TypeError(""), "TypeError"],
  ["a message once", new Error("refused", { cause: refused }), "refused"],
  ["a thrown text", "no luck", "no luck"],
  ["a cause that is no error", new Error("outer", { cause: 7 }), "outer: 7"],
  ["a null cause", new Error("outer", { cause: null }), "outer"],
  ["nothing", undefined, ""],
  [
    "a cause that the message quotes once",
    new Error("Prefill failed: Cannot read: closed", {
      cause: new Error("Cannot read: closed", { cause: new Error("closed") }),
    }),
    "Prefill failed: Cannot read: closed",
  ],
];

for (const [name, error, text] of DESCRIBED) {
  Deno.test(`describeError() tells ${name}`, () => assertEquals(describeError(error), text));
}

Deno.test("describeError() ends on a circle of causes", () => {
  const self = new Error("self");
  self.cause = self;
  assertEquals(describeError(self), "self");
  const one = new Error("one");
  const two = new Error("two", { cause: one });
  one.cause = two;
  assertEquals(describeError(two), "two: one");
});

Deno.test("describeError() tells five causes at most", () => {
  let error: Error | undefined;
  for (const text of ["7", "6", "5", "4", "3", "2", "1"]) error = new Error(text, { cause: error });
  assertEquals(describeError(error), "1: 2: 3: 4: 5");
});

Deno.test("errorCodeOf() is the code of a RouterError alone", () => {
  assertEquals(errorCodeOf(new RouterError("kv-timeout", "late")), "kv-timeout");
  for (const other of [refused, { code: "kv-timeout" }, undefined, null, "kv-timeout"]) {
    assertEquals(errorCodeOf(other), undefined);
  }
});

Deno.test("overloadIn() finds that the router had no room, behind whatever failed then", () => {
  const overload = new RouterError("overloaded", "No descriptor");
  const prefill = new RouterError("prefill-failed", "Prefill failed", { cause: overload });
  assertEquals(overloadIn(overload), overload);
  assertEquals(overloadIn(new Error("Request failed", { cause: prefill })), overload);
  assertEquals(
    overloadIn(new RouterError("prefill-failed", "Failed", { cause: refused })),
    undefined,
  );
  assertEquals(overloadIn("overloaded"), undefined);
});

Deno.test("isUnsent() is true only where no byte can have reached the engine", () => {
  for (const code of ["upstream-unreachable", "overloaded"] as const) {
    assertEquals(isUnsent(new RouterError(code, "no connection")), true);
  }
  for (const code of ["upstream-lost", "upstream-timeout", "client-gone", "internal"] as const) {
    assertEquals(isUnsent(new RouterError(code, "who knows")), false);
  }
  assertEquals(isUnsent(refused), false);
});
