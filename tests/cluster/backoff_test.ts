import { seededRandom } from "../../lib/base/mod.ts";
import { Backoff, FIRST_MS, LONGEST_MS } from "../../lib/cluster/backoff.ts";
import { assert } from "../support/assert.ts";

Deno.test("Backoff doubles its pauses up to the longest, each no less than half of it", () => {
  const backoff = new Backoff(seededRandom(3));
  for (let round = 0; round < 2; round++) {
    for (let most = FIRST_MS; most < 4 * LONGEST_MS; most *= 2) {
      const ms = backoff.next();
      const bound = Math.min(most, LONGEST_MS);
      assert(ms >= bound / 2 && ms <= bound, `${ms} of ${bound}`);
    }
    backoff.reset();
  }
});
