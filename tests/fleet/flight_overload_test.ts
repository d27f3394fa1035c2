import { RouterError } from "../../lib/base/mod.ts";
import { type Outcome, takeOff } from "../../lib/fleet/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { FakeClock } from "../support/fake_clock.ts";

Deno.test("Flight.failed() blames no engine where the router had no room", () => {
  const overload = new RouterError("overloaded", "No descriptor");
  const errors = [overload, new RouterError("prefill-failed", "No prefill", { cause: overload })];
  for (const error of errors) {
    const told: Outcome[] = [];
    const flight = takeOff({
      clock: new FakeClock(),
      engine: { id: "a", url: "http://a:8000", role: "decode", models: [], kv: "none" },
      leg: "direct",
      peer: undefined,
      onLanded: (outcome) => void told.push(outcome),
    });
    flight.failed(error);
    assertEquals(told.map(({ end, code }) => [end, code]), [["left", undefined]]);
  }
});
