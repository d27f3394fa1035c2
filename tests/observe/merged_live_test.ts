import { Distribution } from "../../lib/observe/distribution.ts";
import type { LivePart } from "../../lib/observe/live_part.ts";
import { mergedLive } from "../../lib/observe/merged_live.ts";
import { assertEquals } from "../support/assert.ts";
import { engine, pair, ROUTER } from "../page/support.ts";

const { rate: _rate, ...QUIET } = ROUTER;

function part(changes: Partial<LivePart>): LivePart {
  return {
    ...{ started: 10, engines: [], pairs: [], router: QUIET, times: [], count: 0, ended: [] },
    ...changes,
  };
}

function times(values: readonly number[]): NonNullable<ReturnType<Distribution["told"]>> {
  const distribution = new Distribution(0);
  for (const value of values) distribution.add(value, 0);
  const told = distribution.told(0);
  if (told === undefined) throw new TypeError("Nothing is counted");
  return told;
}

Deno.test("mergedLive() of one is what it tells", () => {
  const only = part({
    engines: [engine("a", { inflight: 2, qps: 1, latency: 3 })],
    pairs: [pair("p", "d", { ok: 3, last: 5 })],
    times: [["ttft", times([3, 4])]],
  });
  const { count: _count, ended: _ended, ...told } = only;
  assertEquals(mergedLive([only]), told);
});

Deno.test("mergedLive() has each engine once: the most in flight, the worst verdict, figures by weight", () => {
  const { engines } = mergedLive([
    part({ engines: [engine("a", { inflight: 5, qps: 3, latency: 1, waiting: 2 }), engine("b")] }),
    part({
      engines: [
        engine("c"),
        engine("a", { inflight: 4, qps: 1, latency: 5, verdict: "shut", why: "upstream-lost" }),
      ],
    }),
    part({ engines: [engine("a", { verdict: "probation", why: "decode-failed", kv_use: 0.5 })] }),
  ]);
  assertEquals(engines.map(({ id }) => id), ["a", "b", "c"]);
  const [first] = engines;
  assertEquals([first?.inflight, first?.verdict, first?.why], [5, "shut", "upstream-lost"]);
  assertEquals([first?.qps, first?.latency, first?.waiting, first?.kv_use], [4, 2, 2, 0.5]);
});

Deno.test("mergedLive() has an engine drained when it is for all", () => {
  const idle = part({ engines: [engine("a", { state: "drained" })] });
  const busy = part({ engines: [engine("a", { state: "draining", inflight: 1 })] });
  for (const all of [[idle, busy], [busy, idle]]) {
    assertEquals(mergedLive(all).engines[0]?.state, "draining");
  }
  assertEquals(mergedLive([idle, idle]).engines[0]?.state, "drained");
});

Deno.test("mergedLive() sums pairs and what routers count, and is ready when none lacks anything", () => {
  const one = part({
    started: 12,
    pairs: [pair("p", "d", { ok: 3, failed: 1, under_way: { stream: 1 }, last: 5, kv_wait: 7 })],
    router: { ...QUIET, under_way: 2, ended: { ...QUIET.ended, ok: 3 }, routes: { direct: 1 } },
  });
  const other = part({
    pairs: [
      pair("p", "d", { ok: 4, under_way: { stream: 2, prefill: 1 }, last: 9, kv_wait: 8 }),
      pair("p", "e"),
    ],
    router: { ...QUIET, ready: false, under_way: 1, routes: { direct: 2, handoff_p1: 4 } },
  });
  const { pairs, router, started } = mergedLive([one, other]);
  assertEquals(pairs.length, 2);
  assertEquals(pairs[0], {
    ...pair("p", "d"),
    ...{ ok: 7, failed: 1, under_way: { stream: 3, prefill: 1 }, last: 9, kv_wait: 8 },
  });
  assertEquals([router.ready, router.under_way, router.ended.ok, started], [true, 3, 3, 10]);
  assertEquals(router.routes, { direct: 3, handoff_p1: 4 });
  const ill = part({ router: { ...QUIET, ready: false, ailment: "no socket" } });
  const told = mergedLive([one, ill]).router;
  assertEquals([told.ready, told.ailment], [false, "no socket"]);
});

Deno.test("mergedLive() of distributions is that of all their values", () => {
  const [some, others] = [[1, 3, 30, 400], [2, 2, 90_000]];
  const { times: told } = mergedLive([
    part({ times: [["ttft", times(some)], ["itl", times([1])]] }),
    part({ times: [["ttft", times(others)]] }),
  ]);
  assertEquals(told, [["ttft", times([...some, ...others])], ["itl", times([1])]]);
});
