import { CHOICES, fleetOf, RING } from "../../scripts/bench/selection_cases.ts";
import { assert, assertEquals } from "../support/assert.ts";

Deno.test("fleetOf() has as many prefill as decode engines, ordered by URL", () => {
  for (const count of [2, 64, 1_024]) {
    const fleet = fleetOf(count);
    const urls = fleet.map(({ engine: { url } }) => url);
    assertEquals(new Set(urls).size, count);
    assertEquals(urls, urls.toSorted());
    assertEquals(fleet.filter(({ engine: { role } }) => role === "prefill").length, count / 2);
    assertEquals(fleet.filter(({ engine: { role } }) => role === "decode").length, count / 2);
  }
});

Deno.test("CHOICES find engines in every case and size", () => {
  for (const { name, timed } of CHOICES) {
    for (const count of [2, 8]) {
      const { run } = timed(count);
      for (let call = 0; call < 4; call++) {
        const choice = run();
        assert(choice !== undefined, name);
        assert(JSON.stringify(choice).includes("http://10."), `${name}: ${JSON.stringify(choice)}`);
      }
    }
  }
});

Deno.test("RING has a ring built, and one engine that comes or goes, again and again", () => {
  const sizes = RING.map(({ timed }) => {
    const { prepare, run } = timed(3);
    return [0, 1].map(() => {
      prepare?.();
      return run();
    });
  });
  assertEquals(sizes, [[3, 3], [4, 4], [3, 3]]);
});
