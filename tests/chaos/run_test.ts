import type { ChaosProtocol } from "../../scripts/chaos/options.ts";
import { reportText } from "../../scripts/chaos/report.ts";
import { runChaos } from "../../scripts/chaos/run.ts";
import { assert, assertEquals } from "../support/assert.ts";

/** Together 20 seconds of faults. */
const RUNS: readonly (readonly [seed: number, protocol: ChaosProtocol])[] = [
  [101, "lmcache"],
  [102, "lmcache"],
  [103, "nixl"],
  [104, "shared_storage"],
];

for (const [seed, protocol] of RUNS) {
  Deno.test(`runChaos() finds no violation, ${protocol}, seed ${seed}`, async () => {
    const report = await runChaos({
      seed,
      minutes: 5 / 60,
      clients: 16,
      prefills: 2,
      decodes: 2,
      workers: 1,
      protocol,
    });
    assertEquals(report.violationCount, 0, reportText(report));
    assert((report.verdicts.get("right") ?? 0) > 50, reportText(report));
    assert(report.faults.size > 3, reportText(report));
  });
}
