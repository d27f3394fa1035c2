import { serverTiming } from "../../lib/observe/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { HANDOFF, traced } from "./support.ts";

Deno.test("serverTiming() tells the phases of a whole answer", async () => {
  const clock = new FakeClock();
  const trace = await traced(clock, "handoff_p1", HANDOFF);
  await clock.advance(100);
  assertEquals(
    serverTiming(trace, clock.now()),
    'route;desc="handoff_p1", tokenize;dur=2.0, prefill;dur=40.0, kv_wait;dur=3.0, ' +
      "first_byte;dur=12.0, stream;dur=100.0, total;dur=159.0",
  );
});

Deno.test("serverTiming() tells of a stream what there is when it begins", async () => {
  const clock = new FakeClock();
  const trace = await traced(clock, "handoff_p1", HANDOFF.slice(0, 3));
  trace.streams = true;
  assertEquals(
    serverTiming(trace, clock.now()),
    'route;desc="handoff_p1", tokenize;dur=2.0, prefill;dur=40.0, total;dur=43.0',
  );
  const direct = await traced(clock, "direct", [[1, "direct-sent"], [9, "direct-head"]]);
  direct.streams = true;
  assertEquals(
    serverTiming(direct, clock.now()),
    'route;desc="direct", first_byte;dur=9.0, total;dur=10.0',
  );
});
