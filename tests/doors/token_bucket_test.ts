import fc from "fast-check";
import { TokenBucket } from "../../lib/doors/token_bucket.ts";
import { assertEquals } from "../support/assert.ts";

Deno.test("TokenBucket is full at first, and fills up again at its rate", () => {
  const bucket = new TokenBucket(5, 5 / 1000);
  assertEquals([bucket.level(0), bucket.resetMs(0), bucket.waitMs(5, 0)], [5, 0, 0]);
  bucket.take(5, 0);
  assertEquals([bucket.level(0), bucket.resetMs(0), bucket.waitMs(1, 0)], [0, 1000, 200]);
  assertEquals([bucket.level(600), bucket.waitMs(3, 600), bucket.waitMs(4, 600)], [3, 0, 200]);
  assertEquals([bucket.level(1000), bucket.level(9000), bucket.resetMs(9000)], [5, 5, 0]);
});

Deno.test("TokenBucket is exact however often it is looked at, also at rates that are no round numbers", () => {
  for (const rate of [2, 3, 7, 33]) {
    const bucket = new TokenBucket(rate, rate / 1000);
    const times: number[] = [];
    for (let now = 0; now <= 60_000; now++) {
      bucket.level(now);
      while (bucket.waitMs(1, now) === 0) {
        bucket.take(1, now);
        times.push(now);
      }
    }
    const right = times.map((_, index) => Math.ceil(Math.max(0, index + 1 - rate) * 1000 / rate));
    assertEquals([times.length, times], [61 * rate, right]);
  }
});

Deno.test("TokenBucket lets a debt be made, which is waited for", () => {
  const bucket = new TokenBucket(100, 0.1);
  bucket.take(150, 0);
  assertEquals([bucket.level(0), bucket.waitMs(1, 0), bucket.level(500)], [-50, 510, 0]);
});

Deno.test("TokenBucket waits for all there can be where more is wanted", () => {
  const bucket = new TokenBucket(10, 0.01);
  assertEquals(bucket.waitMs(1000, 0), 0);
  bucket.take(1, 0);
  assertEquals(bucket.waitMs(1000, 0), 100);
});

Deno.test("TokenBucket takes back what was not used, and is never more than full", () => {
  const bucket = new TokenBucket(10, 0.01);
  bucket.take(8, 0);
  bucket.putBack(5);
  assertEquals(bucket.level(0), 7);
  bucket.putBack(100);
  assertEquals([bucket.level(0), bucket.resetMs(0)], [10, 0]);
});

Deno.test("TokenBucket of another size lacks what it lacked", () => {
  const bucket = new TokenBucket(10, 0.01);
  bucket.take(6, 0);
  bucket.resize(100, 1, 100);
  assertEquals([bucket.level(100), bucket.resetMs(100)], [95, 5]);
  bucket.resize(2, 0.001, 100);
  assertEquals(bucket.level(100), -3);
});

Deno.test("TokenBucket agrees with one that is counted tick by tick", () => {
  const step = fc.record({ afterMs: fc.nat(50), amount: fc.integer({ min: 1, max: 5 }) });
  fc.assert(fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
    // A quarter of a token each millisecond: sums are exact.
    const bucket = new TokenBucket(8, 0.25);
    let [now, level] = [0, 8];
    for (const { afterMs, amount } of steps) {
      for (let tick = 0; tick < afterMs; tick++) level = Math.min(8, level + 0.25);
      now += afterMs;
      assertEquals(bucket.level(now), level);
      assertEquals(bucket.waitMs(amount, now) === 0, level >= amount);
      if (level < amount) continue;
      bucket.take(amount, now);
      level -= amount;
    }
  }));
});
