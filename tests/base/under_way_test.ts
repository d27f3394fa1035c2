import { UnderWay } from "../../lib/base/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { settle } from "../support/fake_clock.ts";

Deno.test("UnderWay.idle() resolves with the last that ends, and at once where nothing is", async () => {
  const under = new UnderWay();
  await under.idle();
  const [one, other] = [under.begin(), under.begin()];
  let idle = 0;
  for (let waiter = 0; waiter < 2; waiter++) under.idle().then(() => idle++);
  one.release();
  one.release();
  await settle();
  assertEquals([under.count, idle], [1, 0]);
  other.release();
  await settle();
  assertEquals([under.count, idle], [0, 2]);
});
