import { Events } from "../../scripts/bench/trace/events.ts";
import { simulate } from "../../scripts/bench/trace/simulate.ts";
import { assert, assertEquals } from "../support/assert.ts";

Deno.test("Events runs what is due in the order of its time", () => {
  const events = new Events();
  const seen: string[] = [];
  for (const seconds of [5, 1, 4, 2, 3]) {
    events.after(seconds, () => {
      seen.push(`${events.now}`);
      if (seconds === 2) events.after(0.5, () => seen.push(`${events.now}`));
    });
  }
  events.runAll();
  assertEquals(seen, ["1", "2", "2.5", "3", "4", "5"]);
});

const SMALL = { seed: 3, requests: 400, warmUp: 100, rate: 4, sessions: 64 } as const;

for (
  const [name, fleet] of [["engines", { any: 4 }], ["pairs", { prefill: 2, decode: 2 }]] as const
) {
  Deno.test(`simulate() serves every request by ${name}, alike for one seed`, () => {
    const run = () => simulate({ ...SMALL, fleet, policy: "roundrobin", kvLag: 0.1 });
    const result = run();
    assertEquals(result.ttft.length, 300);
    assert(result.hits > 0 && result.hits < result.tokens);
    assert(result.requestImbalance >= 1 && result.requestImbalance < 1.1);
    assertEquals(run(), result);
  });

  Deno.test(`simulate() finds more in the caches of ${name} by policies that look for it`, () => {
    const turns = simulate({ ...SMALL, fleet, policy: "roundrobin" });
    for (const way of [{ policy: "prefixaware" }, { policy: "kvaware", kvLag: 0.5 }] as const) {
      const found = simulate({ ...SMALL, fleet, ...way });
      assert(found.hits > 1.1 * turns.hits, `${way.policy}: ${found.hits} to ${turns.hits}`);
      assert(found.workImbalance < 1.5, `${way.policy}: ${found.workImbalance}`);
    }
  });
}
