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

Deno.test("ByteShare gives what it keeps back when all went well, and its last holder has let go", () => {
  const budget = new ByteBudget(1_000_000);
  const [spent, released, held] = [budget.share(), budget.share(), budget.share()];
  const kept = [spent, spent, released, held].map((share) => {
    const bytes = new Uint8Array(20_000);
    share.keep(bytes);
    return bytes;
  });
  const later = held.hold();
  spent.spend();
  released.release();
  released.spend();
  held.spend();
  assertEquals(kept.map(({ length }) => length), [0, 0, 20_000, 20_000]);
  later.release();
  assertEquals(kept.map(({ length }) => length), [0, 0, 20_000, 0]);
});
