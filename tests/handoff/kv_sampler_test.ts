import { RouterError, silentLogger } from "../../lib/base/mod.ts";
import type { KvEvidence, KvPair } from "../../lib/fleet/mod.ts";
import type { KvCounters } from "../../lib/handoff/engine_counters.ts";
import { KvSampler } from "../../lib/handoff/kv_sampler.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { FakeClock, settle } from "../support/fake_clock.ts";
import { engineOf } from "../support/flow_fakes.ts";

const DECODE = engineOf("d1", "decode", "lmcache");
const PAIR: KvPair = { prefill: engineOf("p1", "prefill", "lmcache"), decode: DECODE };
const OTHER: KvPair = { prefill: engineOf("p2", "prefill", "lmcache"), decode: DECODE };

/** A sampler of an engine that counts as `counts` says. */
function setting(): {
  readonly sampler: KvSampler;
  readonly clock: FakeClock;
  readonly judged: KvEvidence[];
  readonly counts: { now: KvCounters | undefined | "silent"; reads: number };
} {
  const clock = new FakeClock();
  const judged: KvEvidence[] = [];
  const counts: { now: KvCounters | undefined | "silent"; reads: number } = {
    now: { external: 0, own: 0 },
    reads: 0,
  };
  const sampler = new KvSampler({
    clock,
    log: silentLogger(),
    read: () => {
      counts.reads++;
      const { now } = counts;
      return now === "silent"
        ? Promise.reject(new RouterError("upstream-timeout", "Silent"))
        : Promise.resolve(now);
    },
    judge: (evidence) => void judged.push(evidence),
    run: (work) => void work,
  });
  return { sampler, clock, judged, counts };
}

/** One handoff of `tokens` tokens, of which the engine counts `found`. */
async function handOff(
  { sampler, counts }: ReturnType<typeof setting>,
  tokens: number,
  found: number,
  pair = PAIR,
): Promise<void> {
  sampler.begin(pair.decode);
  await settle();
  const sampled = sampler.sent(pair);
  const { now } = counts;
  if (typeof now === "object") counts.now = { ...now, external: now.external + found };
  sampler.ended(sampled, tokens);
  await settle();
}

Deno.test("KvSampler compares what was counted with what should have come", async () => {
  const missed = setting();
  await handOff(missed, 600, 0);
  assertEquals(missed.judged, [{
    pair: PAIR,
    prompt: { expected: 512 },
    found: 0,
    by: "counters",
  }]);
  const came = setting();
  await handOff(came, 600, 600);
  assertEquals(came.judged.map(({ found, prompt }) => [found, prompt]), [
    [600, { expected: 512 }],
  ]);
});

Deno.test("KvSampler takes what the engine had itself for no miss, and for no proof", async () => {
  const set = setting();
  set.sampler.begin(DECODE);
  await settle();
  const sampled = set.sampler.sent(PAIR);
  set.counts.now = { external: 0, own: 592 };
  set.sampler.ended(sampled, 600);
  await settle();
  assertEquals(set.counts.reads, 2);
  assertEquals(set.judged, []);
});

Deno.test("KvSampler reads an engine once a minute, and then over all handoffs in between", async () => {
  const set = setting();
  for (let at = 0; at < 5; at++) await handOff(set, 600, 600);
  assertEquals([set.counts.reads, set.judged.length], [2, 1]);
  await set.clock.advance(60_000);
  await handOff(set, 600, 600);
  assertEquals([set.counts.reads, set.judged.length], [3, 2]);
  assertEquals(set.judged.at(-1)?.found, 5 * 600);
});

Deno.test("KvSampler blames no pair where another one may have brought what came", async () => {
  const set = setting();
  await handOff(set, 600, 600);
  await handOff(set, 600, 0);
  await set.clock.advance(60_000);
  await handOff(set, 600, 600, OTHER);
  assertEquals(set.counts.reads, 3);
  assertEquals(set.judged.length, 1);
  for (const pair of [PAIR, OTHER]) await handOff(set, 600, 0, pair);
  await set.clock.advance(60_000);
  await handOff(set, 600, 0);
  assertEquals(set.judged.slice(1).map(({ pair, found }) => [pair.prefill.id, found]), [
    ["p1", 0],
    ["p2", 0],
  ]);
});

Deno.test("KvSampler leaves out what began before a reading", async () => {
  const set = setting();
  const early = set.sampler.sent(PAIR);
  set.sampler.begin(DECODE);
  await settle();
  set.sampler.ended(early, 600);
  await settle();
  assertEquals([set.counts.reads, set.judged], [1, []]);
});

Deno.test("KvSampler starts afresh with an engine that was restarted, and one that is silent", async () => {
  const set = setting();
  set.counts.now = { external: 5_000, own: 0 };
  set.sampler.begin(DECODE);
  await settle();
  const sampled = set.sampler.sent(PAIR);
  set.counts.now = { external: 0, own: 0 };
  set.sampler.ended(sampled, 600);
  await settle();
  assertEquals(set.judged, []);
  await set.clock.advance(60_000);
  set.counts.now = "silent";
  await handOff(set, 600, 0);
  assertEquals([set.counts.reads, set.judged], [3, []]);
  set.counts.now = { external: 0, own: 0 };
  await handOff(set, 600, 0);
  assertEquals(set.counts.reads, 3);
});

Deno.test("KvSampler seldom asks an engine that counts no KV, and says nothing of it", async () => {
  const set = setting();
  set.counts.now = undefined;
  for (let at = 0; at < 3; at++) {
    await handOff(set, 600, 0);
    await set.clock.advance(120_000);
  }
  assertEquals([set.counts.reads, set.judged], [1, []]);
  set.sampler.forget("d1");
  await handOff(set, 600, 0);
  assert(set.counts.reads === 2);
});
