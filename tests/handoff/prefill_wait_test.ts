import { longestPrefillMs, prefillWaitMs } from "../../lib/handoff/prefill_wait.ts";
import { assert, assertEquals } from "../support/assert.ts";

const BY_LENGTH = { prefillMs: 30_000, prefillMsPerToken: 2 };
const FLAT = { prefillMs: 90_000, prefillMsPerToken: 0 };

Deno.test("prefillWaitMs() grows with the request, by a token for two bytes", () => {
  for (const [bytes, ms] of [[0, 30_000], [1, 30_002], [2_000, 32_000], [200_000, 230_000]]) {
    assertEquals(prefillWaitMs(BY_LENGTH, bytes ?? NaN), ms);
  }
});

Deno.test("prefillWaitMs() is what was said, where something was", () => {
  for (const bytes of [0, 1_000, 2 ** 31]) assertEquals(prefillWaitMs(FLAT, bytes), 90_000);
});

Deno.test("longestPrefillMs() is no less than the wait of any request", () => {
  for (const timeouts of [BY_LENGTH, FLAT]) {
    const longest = longestPrefillMs(timeouts);
    for (let bytes = 1; bytes < 2 ** 40; bytes *= 3) {
      assert(prefillWaitMs(timeouts, bytes) <= longest);
    }
    assertEquals(prefillWaitMs(timeouts, 2 ** 40), longest);
  }
});
