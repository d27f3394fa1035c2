import { LimitedLog } from "../../lib/zmq/limited_log.ts";
import { assertEquals } from "../support/assert.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { keepingLogger } from "./support.ts";

Deno.test("LimitedLog.warning() writes once a second and counts the rest", async () => {
  const clock = new FakeClock();
  const { log, lines } = keepingLogger(clock);
  const limited = new LimitedLog(log, clock);
  for (let index = 0; index < 100; index++) limited.warning("odd", { index });
  await clock.advance(999);
  limited.warning("odd", { index: 100 });
  assertEquals(lines, ["WARNING odd index=0"]);
  await clock.advance(1);
  limited.warning("odd", { index: 101 });
  assertEquals(lines.splice(0), ["WARNING odd index=0", "WARNING odd index=101 suppressed=100"]);
  await clock.advance(1000);
  limited.warning("odd", { index: 102 });
  assertEquals(lines, ["WARNING odd index=102"]);
  assertEquals(clock.pending, 0);
});

Deno.test("LimitedLog.flush() tells what no line has told", () => {
  const clock = new FakeClock();
  const { log, lines } = keepingLogger(clock);
  const limited = new LimitedLog(log, clock);
  limited.flush("more");
  limited.warning("odd", {});
  limited.warning("odd", {});
  limited.flush("more");
  limited.flush("more");
  assertEquals(lines, ["WARNING odd", "WARNING more suppressed=1"]);
});
