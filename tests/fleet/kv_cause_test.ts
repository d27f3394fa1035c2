import { type KvSeen, likelyCause, whereToLook } from "../../lib/fleet/kv_cause.ts";
import { assertEquals, assertStringIncludes } from "../support/assert.ts";

const NOTHING: KvSeen = {
  smallCame: false,
  smallMissed: false,
  largeCame: false,
  largeMissed: false,
  some: false,
  otherModel: false,
};

Deno.test("likelyCause() follows from what was found, and what was not", () => {
  const cases = [
    ["lmcache", { largeMissed: true }, "hash_seed"],
    ["lmcache", { smallMissed: true }, "hash_seed"],
    ["lmcache", { largeMissed: true, smallCame: true }, "chunk_size"],
    ["lmcache", { smallMissed: true, largeCame: true }, "skip_last_n_tokens"],
    ["lmcache", { largeMissed: true, some: true }, "lost_chunks"],
    ["lmcache", { largeMissed: true, otherModel: true }, "model"],
    ["nixl", { largeMissed: true }, "block_size"],
    ["shared_storage", { largeMissed: true }, "hash_seed"],
  ] as const;
  for (const [kv, seen, cause] of cases) {
    assertEquals(likelyCause(kv, { ...NOTHING, ...seen }), cause, JSON.stringify(seen));
  }
});

Deno.test("whereToLook() names the setting", () => {
  assertStringIncludes(whereToLook("hash_seed"), "PYTHONHASHSEED");
  for (const cause of ["chunk_size", "skip_last_n_tokens"] as const) {
    assertStringIncludes(whereToLook(cause), cause);
  }
});
