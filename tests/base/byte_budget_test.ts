import { ByteBudget } from "../../lib/base/mod.ts";
import { assertEquals } from "../support/assert.ts";

Deno.test("ByteBudget lets shares grow up to its limit, over all of them", () => {
  const budget = new ByteBudget(10);
  const [one, other] = [budget.share(), budget.share()];
  assertEquals([one.grow(6), other.grow(5), other.grow(4), one.grow(1)], [
    true,
    false,
    true,
    false,
  ]);
  assertEquals([budget.held, one.bytes, other.bytes], [10, 6, 4]);
  one.shrink(2);
  assertEquals([other.grow(2), budget.held], [true, 10]);
});

Deno.test("ByteShare gives all back when its last holder has let go, and only once", () => {
  const budget = new ByteBudget(10);
  const share = budget.share();
  share.grow(7);
  const later = share.hold();
  share.release();
  share.release();
  assertEquals(budget.held, 7);
  later.release();
  later.release();
  assertEquals(budget.held, 0);
  assertEquals([share.grow(1), budget.held], [false, 0]);
});

Deno.test("ByteShare gives back no more than it holds", () => {
  const budget = new ByteBudget(10);
  const [one, other] = [budget.share(), budget.share()];
  one.grow(2);
  other.grow(3);
  one.shrink(100);
  assertEquals([one.bytes, budget.held], [0, 3]);
  {
    using _scoped = other;
  }
  assertEquals(budget.held, 0);
});
