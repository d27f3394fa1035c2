import fc from "fast-check";
import { Allowance, PATIENCE } from "../../lib/fleet/allowance.ts";
import { assert, assertEquals } from "../support/assert.ts";

/** Renew where nobody waits. */
function renew(allowance: Allowance, own: number, left: number, routers: number): boolean {
  return allowance.renew({ own, left, routers, most: 60, waiting: 0 });
}

Deno.test("Allowance lets one router alone have all there is", () => {
  const allowance = new Allowance();
  assertEquals(allowance.spare(1_000), Infinity);
  renew(allowance, 3, 0, 1);
  assertEquals(allowance.spare(1_000), Infinity);
});

Deno.test("Allowance.renew() gives each of several its part of what is left, and one at least", () => {
  const allowance = new Allowance();
  renew(allowance, 10, 30, 2);
  assertEquals([allowance.spare(10), allowance.spare(20), allowance.spare(25)], [10, 0, -5]);
  renew(allowance, 10, 1, 16);
  assertEquals(allowance.spare(10), 1);
  renew(allowance, 10, 0, 2);
  assertEquals([allowance.spare(10), allowance.spare(9)], [0, 1]);
  renew(allowance, 10, Infinity, 2);
  assertEquals(allowance.spare(10), Infinity);
});

Deno.test("Allowance.renew() says whether there is more of what was used up", () => {
  const allowance = new Allowance();
  renew(allowance, 0, 6, 2);
  assertEquals(renew(allowance, 1, 5, 2), false, "it was not used up");
  assertEquals(renew(allowance, 2, 4, 2), true);
  assertEquals(renew(allowance, 3, 0, 2), false, "there is no more");
  assertEquals(renew(allowance, 3, 3, 2), true);
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
      for (const one of all) renew(one.allowance, 0, most, routers);
      for (const turn of turns) {
        const one = all[turn % routers];
        assert(one);
        // As many as it may, and then it is told and heard.
        while (one.allowance.spare(one.own) > 0 && one.own + others(one) < most) one.own++;
        one.told = one.own;
        renew(one.allowance, one.own, most - one.own - others(one), routers);
      }
      const taken = all.reduce((sum, { own }) => sum + own, 0);
      assert(taken <= most + routers, `${taken} of ${most} by ${routers}`);
    }),
    { seed: 6, numRuns: 300 },
  );
});

/** Renew where there are 4 of something, two routers, and the other has requests that wait. */
function giveWay(allowance: Allowance, own: number, left: number): number {
  allowance.renew({ own, left, routers: 2, most: 4, waiting: 1 });
  return allowance.spare(own);
}

Deno.test("Allowance.renew() leaves what is given back to others that wait, down to a fair share", () => {
  const allowance = new Allowance();
  assertEquals(giveWay(allowance, 4, 0), -2, "what it gives back it takes no more");
  assertEquals([allowance.spare(3), allowance.spare(2)], [-1, 0]);
  assertEquals(giveWay(allowance, 3, 1), -1);
  assertEquals(giveWay(allowance, 3, 0), -1, "another has taken it");
  // It has no more than its share: others have heard of what it gave back when it is told again.
  assertEquals([giveWay(allowance, 2, 1), giveWay(allowance, 2, 1)], [0, 1]);
  assertEquals(giveWay(allowance, 2, 0), 0);
  assertEquals(allowance.spare(1), 1, "of its share, it takes what it gives back at once");
});

Deno.test("Allowance.renew() keeps nothing for long that others do not take", () => {
  const allowance = new Allowance();
  for (let time = 1; time < PATIENCE; time++) assertEquals(giveWay(allowance, 3, 1), -1);
  assertEquals(giveWay(allowance, 3, 1), 1);
  assertEquals(giveWay(allowance, 4, 0), -2, "from the beginning on");
});

Deno.test("Allowance.renew() gives way with no share of its own: the one there is goes round", () => {
  const allowance = new Allowance();
  const only = (own: number, left: number): number => {
    allowance.renew({ own, left, routers: 2, most: 1, waiting: 1 });
    return allowance.spare(own);
  };
  assertEquals(only(1, 0), -1);
  assertEquals(only(0, 1), 0, "others hear of it at this moment");
  assertEquals(only(0, 1), 1, "nobody has taken it");
});
