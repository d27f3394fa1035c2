import { timeCalls } from "../../scripts/bench/timing.ts";
import { assert, assertEquals } from "../support/assert.ts";

/** A clock that goes on by what calls take, in milliseconds. */
class Work {
  nowMs = 0;
  calls = 0;
  readonly now = (): number => this.nowMs;

  /** A call that takes the next of `costs`, and the last of them from there on. */
  call(...costs: readonly number[]): () => void {
    let call = 0;
    return () => {
      this.calls++;
      this.nowMs += costs[Math.min(call++, costs.length - 1)] ?? 0;
    };
  }
}

Deno.test("timeCalls() gives microseconds per call, of each subject", () => {
  const work = new Work();
  const subjects = [{ run: work.call(0.5) }, { run: work.call(2) }];
  assertEquals(timeCalls(subjects, { rounds: 3, roundMs: 4, now: work.now }), [500, 2_000]);
});

Deno.test("timeCalls() leaves out what preparing takes", () => {
  const work = new Work();
  const subject = { prepare: work.call(10), run: work.call(0.25) };
  assertEquals(timeCalls([subject], { rounds: 1, roundMs: 1, now: work.now }), [250]);
});

Deno.test("timeCalls() makes rounds of enough calls, whatever the first ones take", () => {
  const work = new Work();
  const [micros] = timeCalls([{ run: work.call(1_000, 1_000, 0.5) }], {
    rounds: 1,
    roundMs: 8,
    now: work.now,
  });
  assertEquals(micros, 500);
  // 1, 1 and 1, too few; 2, 4, 8; 16 three times; one round.
  assertEquals(work.calls, 3 + 2 + 4 + 8 + 3 * 16 + 16);
});

Deno.test("timeCalls() takes the middle of the rounds", () => {
  const work = new Work();
  // Three calls show that one is enough; then the rounds.
  const run = work.call(1, 1, 1, 1, 9, 2);
  assertEquals(timeCalls([{ run }], { rounds: 3, roundMs: 1, now: work.now }), [2_000]);
});

Deno.test("timeCalls() ends although a call takes no time", () => {
  const work = new Work();
  const [micros] = timeCalls([{ run: () => work.calls++ }], {
    rounds: 1,
    roundMs: 1,
    now: work.now,
  });
  assertEquals(micros, 0);
  assert(work.calls < 2 ** 26);
});
