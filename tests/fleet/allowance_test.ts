import fc from "fast-check";
import { Allowance } from "../../lib/fleet/allowance.ts";
import { assert, assertEquals } from "../support/assert.ts";

Deno.test("Allowance lets one router alone have all there is", () => {
  const allowance = new Allowance();
  assertEquals(allowance.spare(1_000), Infinity);
  allowance.renew(3, 0, 1);
  assertEquals(allowance.spare(1_000), Infinity);
});

Deno.test("Allowance.renew() gives each of several its part of what is left, and one at least", () => {
  const allowance = new Allowance();
  allowance.renew(10, 30, 2);
  assertEquals([allowance.spare(10), allowance.spare(20), allowance.spare(25)], [10, 0, -5]);
  allowance.renew(10, 1, 16);
  assertEquals(allowance.spare(10), 1);
  allowance.renew(10, 0, 2);
  assertEquals([allowance.spare(10), allowance.spare(9)], [0, 1]);
  allowance.renew(10, Infinity, 2);
  assertEquals(allowance.spare(10), Infinity);
});

Deno.test("Allowance.renew() says whether there is more of what was used up", () => {
  const allowance = new Allowance();
  allowance.renew(0, 6, 2);
  assertEquals(allowance.renew(1, 5, 2), false, "it was not used up");
  assertEquals(allowance.renew(2, 4, 2), true);
  assertEquals(allowance.renew(3, 0, 2), false, "there is no more");
  assertEquals(allowance.renew(3, 3, 2), true);
});

Deno.test("Allowance has several take little more than there is, however they crowd", () => {
  const crowd = fc.record({
    routers: fc.integer({ min: 2, max: 8 }),
    most: fc.integer({ min: 1, max: 300 }),
    turns: fc.array(fc.nat(), { minLength: 1, maxLength: 200 }),
  });
  fc.assert(
    fc.property(crowd, ({ routers, most, turns }) => {
      const all = Array.from({ length: routers }, () => ({
        allowance: new Allowance(),
        own: 0,
        told: 0,
      }));
      const others = (self: unknown): number =>
        all.reduce((sum, one) => sum + (one === self ? 0 : one.told), 0);
      for (const one of all) one.allowance.renew(0, most, routers);
      for (const turn of turns) {
        const one = all[turn % routers];
        assert(one);
        // As many as it may, and then it is told and heard.
        while (one.allowance.spare(one.own) > 0 && one.own + others(one) < most) one.own++;
        one.told = one.own;
        one.allowance.renew(one.own, most - one.own - others(one), routers);
      }
      const taken = all.reduce((sum, { own }) => sum + own, 0);
      assert(taken <= most + routers, `${taken} of ${most} by ${routers}`);
    }),
    { seed: 6, numRuns: 300 },
  );
});
