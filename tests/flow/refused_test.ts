import { Pace, refusedError } from "../../lib/flow/refused.ts";
import { assertEquals, assertMatch } from "../support/assert.ts";
import { FakeClock } from "../support/fake_clock.ts";

const PARTS = {
  full: { kind: "full", leg: "decode" },
  model: "m",
  key: "team-a",
  size: 8,
  timeoutMs: 1_500,
  retryMs: 4_200,
} as const;

Deno.test("refusedError() names what is full, its bound, and when to come again", () => {
  const full = refusedError({ kind: "refused", why: "full", ownShare: false }, PARTS);
  assertEquals([full.code, full.fields], ["overloaded", [["retry-after", "5"]]]);
  assertEquals(
    full.message,
    "The decode engines of model 'm' have no room (--max-inflight, or their KV buffers), and 8 " +
      "requests wait for it (--queue-size). Please try again in 5s",
  );
  const none = refusedError({ kind: "refused", why: "full", ownShare: false }, {
    ...PARTS,
    full: { kind: "full", leg: "prefill" },
    size: 0,
    retryMs: 0,
  });
  assertEquals(none.fields, [["retry-after", "1"]]);
  assertMatch(none.message, /^The prefill engines .*\(--max-prefill-inflight\), and nobody waits /);
});

Deno.test("refusedError() is the key's rate limit where its share is used up", () => {
  const named = refusedError({ kind: "refused", why: "timeout", ownShare: true }, PARTS);
  assertEquals(named.code, "rate-limited");
  assertMatch(named.message, /within 1500 ms .*, of which key 'team-a' has had its share/);
  const { key: _key, ...anonymous } = PARTS;
  const other = refusedError({ kind: "refused", why: "full", ownShare: true }, {
    ...anonymous,
    key: undefined,
  });
  assertMatch(other.message, /of which whoever has no key has had its share/);
});

Deno.test("refusedError() of a router that drains sends clients to another", () => {
  const error = refusedError({ kind: "refused", why: "draining", ownShare: false }, PARTS);
  assertEquals([error.code, error.fields], ["shutting-down", [["retry-after", "5"]]]);
});

Deno.test("Pace.waitMs() follows how fast those that wait are served, and not the lulls between", async () => {
  const clock = new FakeClock();
  const pace = new Pace(clock);
  assertEquals(pace.waitMs(100), 0);
  for (let served = 0; served < 100; served++) {
    pace.served(served < 99);
    await clock.advance(20);
  }
  assertEquals(pace.waitMs(100), 2_000);
  await clock.advance(3_600_000);
  pace.served(true);
  assertEquals(pace.waitMs(100), 2_000);
  assertEquals(pace.waitMs(1e9), 60_000);
});
