import { durationText, retryAfter } from "../../lib/doors/duration.ts";
import { assertEquals } from "../support/assert.ts";

Deno.test("durationText() writes durations as OpenAI does, rounded up", () => {
  const rows = [
    [0, "0s"],
    [-5, "0s"],
    [0.2, "1ms"],
    [17, "17ms"],
    [999, "999ms"],
    [1000, "1s"],
    [1500, "1.5s"],
    [8640, "8.64s"],
    [59_999.5, "1m0s"],
    [360_000, "6m0s"],
    [61_001, "1m1.001s"],
  ] as const;
  for (const [ms, text] of rows) assertEquals(durationText(ms), text);
});

Deno.test("retryAfter() is in whole seconds, long enough and at least one", () => {
  const rows = [[0, "1"], [1, "1"], [1000, "1"], [1000.5, "2"], [61_000, "61"]] as const;
  for (const [ms, text] of rows) assertEquals(retryAfter(ms), text);
});
