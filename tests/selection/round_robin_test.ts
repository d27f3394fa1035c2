import fc from "fast-check";
import type { Mode } from "../../lib/base/mod.ts";
import { roundRobin } from "../../lib/selection/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import {
  candidate,
  candidates,
  counted,
  named,
  pairOf,
  pickAsk,
  picks,
  some,
  type TestCandidate,
  turns,
} from "./support.ts";

/** Models whose turns are kept at once. */
const MAX_TURNS = 4_096;

function fleetOf(prefill: number, decode: number): readonly TestCandidate[] {
  return [...candidates(decode, "decode", "d"), ...candidates(prefill, "prefill", "p")];
}

/** Both numbers of engines, each from 1 to `most`. */
function* sizes(most: number): Generator<readonly [prefill: number, decode: number]> {
  for (let prefill = 1; prefill <= most; prefill++) {
    for (let decode = 1; decode <= most; decode++) yield [prefill, decode];
  }
}

/** Fail unless in each `width` of `ids` from the start, none occurs twice. */
function checkWindows(ids: readonly string[], width: number): void {
  for (let at = 0; at < ids.length; at += width) {
    assertEquals(new Set(ids.slice(at, at + width)).size, width, `${ids.slice(at, at + width)}`);
  }
}

Deno.test("roundRobin() takes the engines in turn", () => {
  assertEquals(
    picks(roundRobin(), candidates(3), 7),
    ["e0", "e1", "e2", "e0", "e1", "e2", "e0"],
  );
});

Deno.test("roundRobin() keeps a turn for each model, however their requests mix", () => {
  const policy = roundRobin();
  const all = candidates(3);
  // Twice as many requests for one model as for the other, interleaved.
  const seen = Array.from({ length: 300 }, (_, round) => {
    const model = round % 3 === 0 ? "n" : "m";
    return `${model} ${policy.pick(all, pickAsk({ model })).engine.id}`;
  });
  assertEquals(counted(seen), {
    "n e0": 34,
    "n e1": 33,
    "n e2": 33,
    "m e0": 67,
    "m e1": 67,
    "m e2": 66,
  });
});

Deno.test("roundRobin() keeps a turn for each mode, and for none", () => {
  const policy = roundRobin();
  const all = candidates(2);
  const modes = ["p1", "d1", undefined] as const;
  const seen = Array.from({ length: 12 }, (_, round) => {
    const mode = modes[round % 3];
    return `${mode} ${policy.pick(all, pickAsk({ mode })).engine.id}`;
  });
  for (const mode of modes) {
    assertEquals(seen.filter((one) => one.startsWith(`${mode} `)).map((one) => one.slice(-2)), [
      "e0",
      "e1",
      "e0",
      "e1",
    ]);
  }
});

Deno.test("roundRobin() keeps a turn for each protocol of the pair's other engine", () => {
  const policy = roundRobin();
  const all = candidates(2, "prefill");
  const peers = (["lmcache", "nixl"] as const).map((kv) => candidate("d", "decode", kv));
  const seen = Array.from({ length: 8 }, (_, round) => {
    const peer = { candidate: peers[round % 2] ?? candidate("d"), among: 1 };
    return policy.pick(all, pickAsk({ peer })).engine.id;
  });
  assertEquals(seen.filter((_, at) => at % 2 === 0), seen.filter((_, at) => at % 2 === 1));
  assertEquals(new Set(seen).size, 2);
});

Deno.test("roundRobin() takes no turn on further attempts", () => {
  const policy = roundRobin();
  const all = candidates(3);
  const seen = Array.from({ length: 9 }, () => {
    const first = policy.pick(all, pickAsk()).engine.id;
    const others = some(all.filter(({ engine }) => engine.id !== first));
    for (const attempt of [2, 3]) policy.pick(others, pickAsk({ attempt }));
    return first;
  });
  assertEquals(seen, ["e0", "e1", "e2", "e0", "e1", "e2", "e0", "e1", "e2"]);
});

Deno.test("roundRobin() spreads further attempts over the engines that are left", () => {
  const policy = roundRobin();
  const all = candidates(4);
  const left = some(all.slice(1));
  const heirs = Array.from({ length: 120 }, () => {
    const { id } = policy.pick(all, pickAsk()).engine;
    return id === "e0" ? picks(policy, left, 1, { attempt: 2 }) : [];
  });
  assertEquals(counted(heirs.flat()), { e2: 10, e3: 10, e1: 10 });
});

Deno.test("roundRobin() is even again after engines have come and gone", () => {
  const policy = roundRobin();
  for (const count of [3, 1, 5, 2]) picks(policy, candidates(count), 1);
  assertEquals(counted(picks(policy, candidates(4), 40)), { e0: 10, e1: 10, e2: 10, e3: 10 });
});

Deno.test("roundRobin() on both sides uses every pair alike, and each side in turn", () => {
  for (const [n, m] of sizes(6)) {
    const fleet = fleetOf(n, m);
    const policies = turns();
    const times = 3;
    const pairs = Array.from({ length: n * m * times }, () => pairOf(fleet, policies));
    const counts = Object.values(counted(pairs.map(named)));
    assertEquals(counts, Array(n * m).fill(times), `${n} prefill, ${m} decode engines`);
    checkWindows(pairs.map(({ prefill }) => prefill.id), n);
    checkWindows(pairs.map(({ decode }) => decode.id), m);
  }
});

Deno.test("roundRobin() uses every pair of each mode when modes alternate", () => {
  for (const [n, m] of sizes(4)) {
    const fleet = fleetOf(n, m);
    const policies = turns();
    const modes = ["p1", "d1"] as const satisfies readonly Mode[];
    const seen = Array.from({ length: 2 * n * m }, (_, round) => {
      const mode = modes[round % 2];
      return `${mode} ${named(pairOf(fleet, policies, { mode }))}`;
    });
    assertEquals(new Set(seen).size, seen.length, `${n} prefill, ${m} decode engines`);
  }
});

Deno.test("roundRobin() uses every pair of each protocol alike", () => {
  for (const [n, m] of sizes(4)) {
    for (const [others, receivers] of sizes(4)) {
      const fleet = [
        ...candidates(m, "decode", "d"),
        ...candidates(receivers, "decode", "e").map(nixl),
        ...candidates(n, "prefill", "p"),
        ...candidates(others, "prefill", "q").map(nixl),
      ];
      const policies = turns();
      // In one round of the decode engines, each of them is met once.
      const rounds = n * others;
      const pairs = Array.from(
        { length: rounds * (m + receivers) },
        () => named(pairOf(fleet, policies)),
      );
      for (const [pair, count] of Object.entries(counted(pairs))) {
        assertEquals(count, pair.startsWith("p") ? others : n, `${pair} of ${[n, m, others]}`);
      }
      assertEquals(new Set(pairs).size, n * m + others * receivers);
    }
  }
});

function nixl(one: TestCandidate): TestCandidate {
  return { ...one, engine: { ...one.engine, kv: "nixl" } };
}

Deno.test("roundRobin() is even in the long run while engines come and go", () => {
  const phase = fc.record({
    prefill: fc.subarray([0, 1, 2, 3, 4, 5], { minLength: 1 }),
    decode: fc.subarray([0, 1, 2, 3, 4, 5], { minLength: 1 }),
    choices: fc.integer({ min: 1, max: 30 }),
  });
  const phases = fc.array(phase, { minLength: 300, maxLength: 300 });
  const all = fleetOf(6, 6);
  fc.assert(
    fc.property(phases, (history) => {
      const policies = turns();
      const fair = new Map<string, number>();
      const seen: string[] = [];
      for (const { prefill, decode, choices } of history) {
        const fleet = all.filter(({ engine: { role, id } }) =>
          (role === "prefill" ? prefill : decode).includes(Number(id.slice(1)))
        );
        for (let choice = 0; choice < choices; choice++) {
          const pair = pairOf(fleet, policies);
          seen.push(named(pair), pair.prefill.id, pair.decode.id);
        }
        const add = (name: string, among: number): void =>
          void fair.set(name, (fair.get(name) ?? 0) + choices / among);
        for (const p of prefill) add(`p${p}`, prefill.length);
        for (const d of decode) add(`d${d}`, decode.length);
        for (const p of prefill) {
          for (const d of decode) add(`p${p} d${d}`, prefill.length * decode.length);
        }
      }
      const counts = counted(seen);
      for (const [name, share] of fair) {
        const off = Math.abs((counts[name] ?? 0) - share);
        // What chance alone would do, and no more.
        assert(off <= 4 * Math.sqrt(share) + 1, `${name}: ${counts[name]}, fair were ${share}`);
      }
    }),
    { seed: 2026, numRuns: 12 },
  );
});

Deno.test("roundRobin() forgets the turn that began first beyond its bound, and no sooner", () => {
  const all = candidates(2);
  const after = (others: number): string => {
    const policy = roundRobin();
    policy.pick(all, pickAsk({ model: "first" }));
    for (let other = 0; other < others; other++) policy.pick(all, pickAsk({ model: `${other}` }));
    return policy.pick(all, pickAsk({ model: "first" })).engine.id;
  };
  assertEquals(after(MAX_TURNS - 1), "e1");
  assertEquals(after(MAX_TURNS), "e0");
});
