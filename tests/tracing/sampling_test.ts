import { seededRandom } from "../../lib/base/mod.ts";
import { isSampled } from "../../lib/tracing/sampling.ts";
import { assert, assertEquals } from "../support/assert.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const parent = (sampled: boolean) => ({ traceId: TRACE, spanId: "b7ad6b7169203331", sampled });

Deno.test("isSampled() goes by the client where there is one and its word counts", () => {
  for (const ratio of [0, 0.5, 1]) {
    assertEquals(isSampled({ parentBased: true, ratio }, TRACE, parent(true)), true);
    assertEquals(isSampled({ parentBased: true, ratio }, TRACE, parent(false)), false);
  }
  assertEquals(isSampled({ parentBased: false, ratio: 1 }, TRACE, parent(false)), true);
  assertEquals(isSampled({ parentBased: false, ratio: 0 }, TRACE, parent(true)), false);
});

Deno.test("isSampled() takes all with 1, none with 0, and about the share between them", () => {
  const random = seededRandom(7);
  const ids = Array.from({ length: 4_000 }, () => random.uuid().replaceAll("-", ""));
  for (const ratio of [0, 0.01, 0.25, 0.9, 1]) {
    const taken = ids.filter((id) => isSampled({ parentBased: true, ratio }, id, undefined));
    const share = taken.length / ids.length;
    assert(Math.abs(share - ratio) < 0.03, `${share} for ${ratio}`);
    if (ratio === 0 || ratio === 1) assertEquals(share, ratio);
  }
});

Deno.test("isSampled() takes with a larger share what it takes with a smaller one", () => {
  const random = seededRandom(8);
  for (let turn = 0; turn < 500; turn++) {
    const id = random.uuid().replaceAll("-", "");
    const [few, many] = [0.2, 0.6].map((ratio) =>
      isSampled({ parentBased: true, ratio }, id, undefined)
    );
    assert(!few || many);
  }
});
