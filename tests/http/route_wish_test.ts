import { RouterError } from "../../lib/base/mod.ts";
import { routeWishOf } from "../../lib/http/route_wish.ts";
import { assertEquals, assertThrows } from "../support/assert.ts";

function wishIn(value: string | undefined, allowed = true): unknown {
  return routeWishOf(new Headers(value === undefined ? [] : [["X-PD-Route", value]]), allowed);
}

Deno.test("routeWishOf() reads the field where clients may say", () => {
  assertEquals(
    [undefined, "direct", "handoff", " Direct "].map((value) => wishIn(value)),
    [undefined, "direct", "handoff", "direct"],
  );
});

Deno.test("routeWishOf() passes over the field where they may not, whatever it says", () => {
  for (const value of ["direct", "handoff", "nonsense", ""]) {
    assertEquals(wishIn(value, false), undefined);
  }
});

Deno.test("routeWishOf() refuses another value, and names it and the field", () => {
  for (const value of ["both", "", "direct, handoff", "x".repeat(5_000)]) {
    const error = assertThrows(() => wishIn(value), RouterError);
    const shown = value.slice(0, 40);
    assertEquals([error.code, error.param], ["bad-request", "x-pd-route"]);
    assertEquals(error.message, `x-pd-route must be direct or handoff, received "${shown}"`);
  }
});
