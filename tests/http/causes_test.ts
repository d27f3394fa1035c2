import { RouterError } from "../../lib/base/mod.ts";
import { withCauses } from "../../lib/http/causes.ts";
import { assertEquals } from "../support/assert.ts";

Deno.test("withCauses() puts what the causes say into the message, and keeps the rest", () => {
  const cause = new Error("Cannot connect", { cause: new Error("refused") });
  const error = new RouterError("prefill-failed", "Prefill failed", { cause, param: "prompt" });
  const told = withCauses(error);
  assertEquals(told.message, "Prefill failed: Cannot connect: refused");
  assertEquals([told.code, told.param, told.cause], ["prefill-failed", "prompt", undefined]);
});

Deno.test("withCauses() tells no cause of the router's own faults", () => {
  const error = new RouterError("internal", "The router failed", { cause: new Error("secret") });
  assertEquals(withCauses(error), error);
});

Deno.test("withCauses() leaves an error without a cause as it is", () => {
  const error = new RouterError("no-engine", "No engine");
  assertEquals(withCauses(error) === error, true);
});
