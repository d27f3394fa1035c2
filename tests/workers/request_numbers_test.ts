import { requestNumbers } from "../../lib/workers/request_numbers.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { FakeClock } from "../support/fake_clock.ts";

Deno.test("requestNumbers() gives no number twice, in whichever worker and life", async () => {
  const clock = new FakeClock();
  const begunMs = clock.unixMs();
  const of = (number: number) => requestNumbers(clock, { number, count: 3, begunMs });
  const workers = [of(1), of(2), of(3)];
  const seen = new Set<number>();
  let given = 0;
  for (let ms = 0; ms < 50; ms++) {
    await clock.advance(1);
    for (const next of workers) {
      // More than are meant for a millisecond, at times.
      for (let time = 0; time < (ms % 10 === 0 ? 20 : 2); time++, given++) seen.add(next());
    }
    // One is started again.
    if (ms % 20 === 19) workers[1] = of(2);
  }
  assertEquals(seen.size, given);
});

Deno.test("requestNumbers() grow with arrivals, over all workers and where the clock goes back", async () => {
  const clock = new FakeClock();
  const begunMs = clock.unixMs();
  const [one, two] = [1, 2].map((number) => requestNumbers(clock, { number, count: 2, begunMs }));
  assert(one !== undefined && two !== undefined);
  let last = -1;
  for (const next of [one, two, two, one, two, one]) {
    await clock.advance(1);
    const number = next();
    assert(number > last, `${number} after ${last}`);
    last = number;
  }
  const before = clock.unixMs.bind(clock);
  clock.unixMs = () => before() - 10_000;
  const numbers = [last, one(), one(), one()];
  assertEquals(numbers, [...new Set(numbers)].sort((a, b) => a - b));
});
