import { KV_NAMES } from "../../lib/base/mod.ts";
import { isAnnouncedTail, leastExpected, mayBeOwn } from "../../lib/fleet/kv_expected.ts";
import { assert, assertEquals } from "../support/assert.ts";

Deno.test("leastExpected() is of whole pieces before the last token, whichever size of those leaves least", () => {
  const cases = [
    ["lmcache", 256, 0],
    ["lmcache", 257, 256],
    ["lmcache", 512, 256],
    ["lmcache", 900, 512],
    ["lmcache", 1_500, 1_024],
    ["nixl", 16, 0],
    ["nixl", 17, 16],
    ["nixl", 100, 64],
    ["nixl", 257, 256],
    ["shared_storage", 300, 256],
  ] as const;
  for (const [kv, tokens, expected] of cases) {
    assertEquals(leastExpected(kv, tokens), expected, `${kv} ${tokens}`);
  }
});

Deno.test("leastExpected() is never more than what comes with pieces of any usual size", () => {
  for (const kv of KV_NAMES) {
    for (const unit of kv === "nixl" ? [16, 32, 64, 128, 256] : [256, 512, 1_024, 2_048, 4_096]) {
      for (let tokens = unit + 1; tokens < 20_000; tokens += 37) {
        const come = tokens - 1 - (tokens - 1) % unit;
        assert(leastExpected(kv, tokens) <= come, `${kv} ${unit} ${tokens}`);
      }
    }
  }
});

Deno.test("mayBeOwn() is true of whole blocks", () => {
  assertEquals([0, 16, 512, 299].map(mayBeOwn), [true, true, true, false]);
});

Deno.test("isAnnouncedTail() is true where LMCache announces what is less than a chunk", () => {
  assertEquals([20, 64, 256, 257].map((tokens) => isAnnouncedTail("lmcache", tokens)), [
    false,
    true,
    true,
    false,
  ]);
  assertEquals(isAnnouncedTail("nixl", 10), false);
  assertEquals(isAnnouncedTail("shared_storage", 100), false);
});
