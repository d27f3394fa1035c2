import { type Random, seededRandom, systemRandom } from "../../lib/base/mod.ts";
import { assert, assertEquals, assertMatch, assertNotEquals } from "../support/assert.ts";

const UUID_V4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

const SOURCES: readonly (readonly [name: string, make: () => Random])[] = [
  ["seededRandom()", () => seededRandom(7)],
  ["systemRandom()", systemRandom],
];

for (const [name, make] of SOURCES) {
  Deno.test(`${name}.uuid() makes version 4 ids without repeating one`, () => {
    const random = make();
    const seen = new Set<string>();
    for (let round = 0; round < 2_000; round++) {
      const id = random.uuid();
      assertMatch(id, UUID_V4);
      seen.add(id);
    }
    assertEquals(seen.size, 2_000);
  });

  Deno.test(`${name}.next() lies in [0, 1) and fills it evenly`, () => {
    const random = make();
    const tenths = new Array<number>(10).fill(0);
    for (let round = 0; round < 10_000; round++) {
      const value = random.next();
      assert(value >= 0 && value < 1, `${value}`);
      const tenth = Math.floor(value * 10);
      tenths[tenth] = (tenths[tenth] ?? 0) + 1;
    }
    for (const count of tenths) assert(count > 800 && count < 1_200, tenths.join());
  });
}

Deno.test("seededRandom() repeats itself for one seed and differs for another", () => {
  const values = (seed: number): readonly (number | string)[] => {
    const random = seededRandom(seed);
    return [random.next(), random.uuid(), random.next()];
  };
  assertEquals(values(1), values(1));
  assertNotEquals(values(1), values(2));
});
