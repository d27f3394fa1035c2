import { seededRandom } from "../../lib/base/mod.ts";
import { RetryBudget } from "../../lib/request/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { FakeClock } from "../support/fake_clock.ts";

const LIMITS = { perRequest: 1, share: 0.1, perSecond: 3 };

/** How many attempts may be made at this moment. */
function takeAll(budget: RetryBudget): number {
  let taken = 0;
  while (taken < 1_000 && budget.take()) taken++;
  return taken;
}

Deno.test("RetryBudget begins with what ten seconds would earn, and earns 3 a second", async () => {
  const clock = new FakeClock();
  const budget = new RetryBudget(clock, LIMITS);
  assertEquals(takeAll(budget), 30);
  await clock.advance(2_000);
  assertEquals(takeAll(budget), 6);
  await clock.advance(3_600_000);
  assertEquals(takeAll(budget), 30);
});

Deno.test("RetryBudget allows a tenth of the requests besides", () => {
  const budget = new RetryBudget(new FakeClock(), LIMITS);
  takeAll(budget);
  let again = 0;
  for (let request = 0; request < 1_000; request++) {
    budget.began();
    if (budget.take()) again++;
  }
  assert(again >= 99 && again <= 100, String(again));
});

Deno.test("RetryBudget without a share and a rate keeps one attempt for the first in need", () => {
  const budget = new RetryBudget(new FakeClock(), { perRequest: 1, share: 0, perSecond: 0 });
  budget.began();
  assertEquals([budget.take(), budget.take()], [true, false]);
});

Deno.test("RetryBudget never allows more than the share, the rate and ten seconds' worth", async () => {
  const random = seededRandom(5);
  const clock = new FakeClock();
  const budget = new RetryBudget(clock, LIMITS);
  let [requests, again] = [0, 0];
  for (let step = 0; step < 5_000; step++) {
    const dice = random.next();
    if (dice < 0.4) {
      budget.began();
      requests++;
    } else if (dice < 0.9) again += budget.take() ? 1 : 0;
    else await clock.advance(random.next() * 50);
    assert(again <= 30 + requests * 0.1 + clock.now() / 1_000 * 3 + 1e-6);
  }
  assert(again > 60, String(again));
});

Deno.test("RetryBudget.allows() says what take() would, and spends nothing", async () => {
  const clock = new FakeClock();
  const budget = new RetryBudget(clock, { perRequest: 1, share: 0, perSecond: 1 });
  assertEquals([budget.allows(), budget.allows(), takeAll(budget)], [true, true, 10]);
  assertEquals(budget.allows(), false);
  await clock.advance(1_000);
  assertEquals([budget.allows(), takeAll(budget), budget.allows()], [true, 1, false]);
});
