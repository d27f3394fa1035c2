import { seededRandom } from "../../../lib/base/mod.ts";
import { Backoff } from "../../../lib/discovery/kubernetes/backoff.ts";
import { assert, assertEquals } from "../../support/assert.ts";

Deno.test("next() has pauses that grow to a bound, each at random", () => {
  const backoff = new Backoff(seededRandom(1));
  for (const most of [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]) {
    const pause = backoff.next();
    assert(pause >= most / 2 && pause <= most, `${pause} of ${most}`);
  }
  backoff.reset();
  assert(backoff.next() <= 500);
});

Deno.test("next() is as long as it has to be", () => {
  assertEquals(new Backoff(seededRandom(1)).next(20_000), 20_000);
});
