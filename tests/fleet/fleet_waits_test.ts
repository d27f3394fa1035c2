import { FleetWaits } from "../../lib/fleet/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { engine } from "./support.ts";

/** Waits, and what a fleet tells them. */
function setting(): { clock: FakeClock; waits: FleetWaits; room: () => void; flight: () => void } {
  const clock = new FakeClock();
  const waits = new FleetWaits(clock);
  let room = (): void => {};
  waits.attach({
    watchRoom: (on) => {
      room = on;
      return { [Symbol.dispose]: () => {} };
    },
  });
  const { onInflight } = waits.observing({
    onInflight: () => {},
    onOutcome: () => {},
    onVerdict: () => {},
  });
  return { clock, waits, room: () => room(), flight: () => onInflight(engine("a"), "direct", -1) };
}

for (const what of ["room", "flight"] as const) {
  Deno.test(`FleetWaits.until() looks again whenever there is a change of ${what}`, async () => {
    const { waits, clock, ...told } = setting();
    let holds = false;
    const { signal } = new AbortController();
    const wait = waits.until(() => holds, { timeoutMs: 1_000, signal });
    told[what]();
    holds = true;
    told[what]();
    assertEquals(await wait, "ready");
    assertEquals(clock.pending, 0);
  });
}

Deno.test("FleetWaits.until() ends at its time, when nobody wants it, and at once where it holds", async () => {
  const { waits, clock } = setting();
  const end = new AbortController();
  const never = (): boolean => false;
  const late = waits.until(never, { timeoutMs: 1_000, signal: end.signal });
  clock.advance(1_000);
  assertEquals(await late, "timed-out");
  const left = waits.until(never, { timeoutMs: 1_000, signal: end.signal });
  end.abort();
  assertEquals(await left, "aborted");
  assertEquals(await waits.until(() => true, { timeoutMs: 0, signal: end.signal }), "ready");
  assertEquals(await waits.until(never, { timeoutMs: 9, signal: end.signal }), "aborted");
  assertEquals(clock.pending, 0);
});
