import { assertEquals, assertMatch } from "../support/assert.ts";
import { configOf, FLEET, problemsOf } from "./support.ts";

for (
  const [text, share] of [
    ["off", 0],
    ["all", 1],
    ["0", 0],
    ["1", 1],
    ["0.01", 0.01],
    ["5%", 0.05],
    ["100%", 1],
  ] as const
) {
  Deno.test(`observeOptions() takes --access-log ${text} as a share`, () => {
    const { observe } = configOf({ flags: { ...FLEET, "access-log": text } });
    assertEquals(observe.accessShare, share);
  });
}

for (const text of ["some", "1.5", "101%", "-1", "1e-3", "50 %", "%"]) {
  Deno.test(`observeProblems() says what is expected in place of --access-log ${text}`, () => {
    const [problem, ...more] = problemsOf({ flags: { ...FLEET, "access-log": text } });
    assertEquals([problem?.key, problem?.value, more], ["--access-log", text, []]);
    assertMatch(problem?.message ?? "", /off, all, or a share/);
  });
}
