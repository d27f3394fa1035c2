import { KV_CASES, kvBench, kvLookup, PROMPT_TOKENS } from "../../scripts/bench/kv_cases.ts";
import { assertEquals } from "../support/assert.ts";

for (const one of KV_CASES) {
  Deno.test(`kvLookup() finds what there is where ${one.name}`, () => {
    const bench = kvBench(one);
    const most = Math.max(one.all, one.first);
    const usable = most === PROMPT_TOKENS ? most - 16 : most;
    assertEquals(kvLookup(bench).run(), usable);
    const prompt = bench.index.prompt(bench.ids);
    const last = bench.caches.at(-1);
    const expected = one.all === PROMPT_TOKENS ? one.all - 16 : one.all;
    assertEquals(last && prompt.cachedIn(last), expected);
  });
}
