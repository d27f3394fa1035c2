import fc from "fast-check";
import { hash32, seededRandom } from "../../lib/base/mod.ts";
import { HashRing } from "../../lib/selection/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";

/** Points of each URL, by contract: other numbers would move keys between versions. */
const POINTS = 128;

/** URLs two points of which have one hash, with the hash. The URLs are in their order. */
const COLLISIONS = [
  { urls: ["http://e1546:8000", "http://e2061:8000"], at: ["#31", "#100"], hash: 2_298_766_088 },
  { urls: ["http://e1546:8000", "http://e2061:8000"], at: ["#57", "#126"], hash: 600_678_987 },
  { urls: ["http://e1567:8000", "http://e3332:8000"], at: ["#95", "#0"], hash: 909_812_804 },
  { urls: ["http://e1567:8000", "http://e3332:8000"], at: ["#92", "#7"], hash: 752_590_740 },
] as const;

const URLS = [
  ...new Set(COLLISIONS.flatMap(({ urls }) => urls)),
  ...Array.from({ length: 8 }, (_, index) => `http://10.0.0.${index}:8000`),
];

interface Point {
  readonly hash: number;
  readonly url: string;
}

/** All points of `urls`, ordered by hash and URL. */
function pointsOf(urls: readonly string[]): readonly Point[] {
  return urls
    .flatMap((url) =>
      Array.from({ length: POINTS }, (_, index) => ({ hash: hash32(`${url}#${index}`), url }))
    )
    .sort((a, b) => a.hash - b.hash || (a.url < b.url ? -1 : 1));
}

/** What a ring must find of those of its points that are accepted. */
function modelFind(able: readonly Point[], hash: number): string | undefined {
  return (able.find((point) => point.hash >= hash) ?? able[0])?.url;
}

/** Hashes to look for: of points, beside them, and any. */
function hashesOf(points: readonly Point[], next: () => number): readonly number[] {
  const some = Array.from({ length: 20 }, () => points[Math.floor(next() * points.length)]?.hash);
  const near = some.flatMap((hash = 0) => [hash, Math.max(hash - 1, 0), (hash + 1) % 2 ** 32]);
  const any = Array.from({ length: 20 }, () => Math.floor(next() * 2 ** 32));
  return [...near, ...any, 0, 2 ** 32 - 1, ...COLLISIONS.map(({ hash }) => hash)];
}

Deno.test("HashRing.find() gives the owner of the next accepted point, after any changes", () => {
  const step = fc.record({
    urls: fc.shuffledSubarray(URLS),
    accepted: fc.subarray(URLS),
    seed: fc.nat(),
  });
  let found = 0;
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 8 }), (steps) => {
      const ring = new HashRing();
      for (const { urls, accepted, seed } of steps) {
        ring.sync(urls);
        assertEquals(ring.size, urls.length);
        const points = pointsOf(urls);
        const hashes = hashesOf(points, seededRandom(seed).next);
        for (const wanted of [URLS, accepted]) {
          const able = points.filter(({ url }) => wanted.includes(url));
          for (const hash of hashes) {
            const owner = ring.find(hash, (url) => wanted.includes(url));
            assertEquals(owner, modelFind(able, hash));
            if (owner !== undefined) found++;
          }
        }
      }
    }),
    { seed: 2026, numRuns: 40 },
  );
  assert(found > 1_000, `${found} found`);
});

for (const { urls: [first, second], at, hash } of COLLISIONS) {
  Deno.test(`HashRing orders ${first}${at[0]} before ${second}${at[1]}, whichever came first`, () => {
    assertEquals([hash32(first + at[0]), hash32(second + at[1])], [hash, hash]);
    for (const order of [[first], [second], [first, second], [second, first]]) {
      const ring = new HashRing();
      ring.sync(order);
      ring.sync([second, first]);
      assertEquals(ring.find(hash, () => true), first);
      assertEquals(ring.find(hash, (url) => url === second), second);
      // Numbers that have become free are given to others.
      ring.sync(["http://other:8000", second]);
      ring.sync(["http://other:8000", second, first]);
      assertEquals(ring.find(hash, () => true), first);
    }
  });
}

Deno.test("HashRing.sync() knows the URLs that stay, and takes each once", () => {
  const ring = new HashRing();
  const [first = "", second = "", third = ""] = URLS;
  ring.sync([first, second, first]);
  assertEquals(ring.size, 2);
  ring.sync([third]);
  assertEquals(ring.size, 1);
  assertEquals(ring.find(0, () => true), third);
});

Deno.test("HashRing.find() finds nothing where nothing is, or nothing is accepted", () => {
  const ring = new HashRing();
  assertEquals(ring.find(7, () => true), undefined);
  ring.sync(URLS);
  assertEquals(ring.find(7, () => false), undefined);
  ring.sync([]);
  assertEquals([ring.size, ring.find(7, () => true)], [0, undefined]);
});

Deno.test("HashRing.find() asks about no owner more than it must", () => {
  const ring = new HashRing();
  ring.sync(URLS);
  for (const hash of [0, 1_000_000, 2 ** 31, 2 ** 32 - 1]) {
    const asked: string[] = [];
    const owner = ring.find(hash, (url) => asked.push(url) === 3);
    assertEquals([asked.length, asked.at(-1)], [3, owner]);
  }
});
