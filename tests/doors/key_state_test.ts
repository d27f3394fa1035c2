import { Lease, RouterError, sha256 } from "../../lib/base/mod.ts";
import type { KeyLimits } from "../../lib/doors/mod.ts";
import { KeyState, type Refusal } from "../../lib/doors/key_state.ts";
import { assert, assertEquals, assertMatch, fail } from "../support/assert.ts";
import { FakeClock } from "../support/fake_clock.ts";

function stateOf(
  limits: KeyLimits,
  clock = new FakeClock(),
): { state: KeyState; clock: FakeClock } {
  return { state: new KeyState({ name: "team", digest: sha256("sk-hush"), limits }, clock), clock };
}

function lease(entered: Lease | Refusal): Lease {
  return entered instanceof Lease ? entered : fail(entered.error.message);
}

function refusal(entered: Lease | Refusal | undefined): Refusal {
  return entered === undefined || entered instanceof Lease ? fail("let in") : entered;
}

Deno.test("KeyState lets in as many requests a second as there may be, and tells what is left", async () => {
  const { state, clock } = stateOf({ requestsPerSecond: 5 });
  for (let left = 4; left >= 0; left--) {
    lease(state.enter()).release();
    assertEquals(state.fields(), [
      ["x-ratelimit-limit-requests", "5"],
      ["x-ratelimit-remaining-requests", String(left)],
      ["x-ratelimit-reset-requests", left === 0 ? "1s" : `${(5 - left) * 200}ms`],
    ]);
  }
  const { kind, error } = refusal(state.enter());
  assertEquals([kind, error.code], ["requests", "rate-limited"]);
  assertEquals(
    error.message,
    "Rate limit reached for key 'team' on requests per second: Limit 5. Please try again in 200ms",
  );
  assertEquals(error.fields[0], ["retry-after", "1"]);
  await clock.advance(199);
  refusal(state.enter());
  await clock.advance(1);
  lease(state.enter());
  refusal(state.enter());
});

Deno.test("KeyState takes nothing for a request that it refuses", async () => {
  const { state, clock } = stateOf({ requestsPerSecond: 1, concurrentRequests: 1 });
  const first = lease(state.enter());
  await clock.advance(1000);
  for (let round = 0; round < 5; round++) {
    assertEquals(refusal(state.enter()).kind, "concurrency");
  }
  first.release();
  lease(state.enter()).release();
  for (let round = 0; round < 5; round++) assertEquals(refusal(state.enter()).kind, "requests");
  await clock.advance(1000);
  lease(state.enter());
});

Deno.test("KeyState lets one request in however low its rate is", async () => {
  const { state, clock } = stateOf({ requestsPerSecond: 0.01 });
  lease(state.enter());
  assertEquals(refusal(state.enter()).error.fields[0], ["retry-after", "100"]);
  await clock.advance(100_000);
  lease(state.enter());
});

Deno.test("KeyState holds a place until the lease is given back, once", () => {
  const { state } = stateOf({ concurrentRequests: 2 });
  const [one, two] = [lease(state.enter()), lease(state.enter())];
  const { error } = refusal(state.enter());
  assertMatch(error.message, /concurrent requests: Limit 2\. Please try again in 1s$/);
  assertEquals([state.running, state.fields()], [2, []]);
  one.release();
  one.release();
  assertEquals(state.running, 1);
  const three = lease(state.enter());
  refusal(state.enter());
  for (const each of [two, three]) each.release();
  assertEquals(state.running, 0);
});

Deno.test("KeyState counts tokens as estimated, and then as used", async () => {
  const { state, clock } = stateOf({ tokensPerMinute: 600 });
  const left = (): string | undefined =>
    state.fields().find(([name]) => name === "x-ratelimit-remaining-tokens")?.[1];
  assertEquals(state.useTokens(500), undefined);
  assertEquals(left(), "100");
  const { kind, error } = refusal(state.useTokens(200));
  assertEquals(kind, "tokens");
  assertMatch(error.message, /tokens per minute: Limit 600, requested about 200\. .* in 10s$/);
  assertEquals(error.fields[0], ["retry-after", "10"]);
  state.settleTokens(500, 20);
  assertEquals(left(), "580");
  state.settleTokens(20, 720);
  assertEquals([left(), state.useTokens(1)?.kind], ["0", "tokens"]);
  await clock.advance(12_000);
  assertEquals([left(), state.useTokens(1)?.kind], ["0", "tokens"]);
  await clock.advance(100);
  assertEquals([left(), state.useTokens(1)], ["1", undefined]);
});

Deno.test("KeyState lets a request in that is larger than its limit once all of it is there", async () => {
  const { state, clock } = stateOf({ tokensPerMinute: 60 });
  assertEquals(state.useTokens(1_000_000), undefined);
  state.settleTokens(1_000_000, 61);
  assertEquals(refusal(state.useTokens(1_000_000)).error.fields[0], ["retry-after", "61"]);
  await clock.advance(61_000);
  assertEquals(state.useTokens(1_000_000), undefined);
});

Deno.test("KeyState keeps what is used when its limits change", () => {
  const { state } = stateOf({ requestsPerSecond: 2, concurrentRequests: 2 });
  const held = [lease(state.enter()), lease(state.enter())];
  state.limit({ requestsPerSecond: 10, concurrentRequests: 1 });
  assertEquals(refusal(state.enter()).kind, "concurrency");
  for (const each of held) each.release();
  for (let round = 0; round < 8; round++) lease(state.enter()).release();
  assertEquals(refusal(state.enter()).kind, "requests");
  state.limit({});
  for (let round = 0; round < 100; round++) lease(state.enter());
  assertEquals([state.fields(), state.countsTokens, state.models], [[], false, undefined]);
});

Deno.test("KeyState tells nothing of the key", () => {
  const { state } = stateOf({ requestsPerSecond: 1, concurrentRequests: 1, tokensPerMinute: 1 });
  lease(state.enter());
  state.useTokens(1);
  for (const { error } of [refusal(state.enter()), refusal(state.useTokens(1))]) {
    assert(
      error instanceof RouterError && !JSON.stringify([error.message, error.fields])
        .includes("hush"),
    );
  }
});
