import type { ChaosProtocol } from "../../scripts/chaos/options.ts";
import { reportText } from "../../scripts/chaos/report.ts";
import { type ChaosReport, runChaos } from "../../scripts/chaos/run.ts";
import { assert, assertEquals } from "../support/assert.ts";

/** Together 20 seconds of faults. */
const RUNS: readonly (readonly [seed: number, protocol: ChaosProtocol])[] = [
  [101, "lmcache"],
  [102, "lmcache"],
  [103, "nixl"],
  [104, "shared_storage"],
];

function isMuch(verdicts: ChaosReport["verdicts"]): boolean {
  return (verdicts.get("right") ?? 0) > 50;
}

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
    }, { enough: isMuch });
    assertEquals(report.violationCount, 0, reportText(report));
    assert(isMuch(report.verdicts), reportText(report));
    assert(report.faults.size > 3, reportText(report));
  });
}
