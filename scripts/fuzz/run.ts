/** Tries one target for a while. @module */
import { type Random, seededRandom } from "../../lib/base/mod.ts";
import type { Tally } from "./report.ts";
import type { CaseWatch, Finding, FuzzTarget } from "./target.ts";

/** Findings after which a target is given up: more of them say no more. */
const MAX_FINDINGS = 10;

/** How a target is tried. */
export interface RunOptions {
  readonly seed: number;
  /** Whether to go on, asked between steps. */
  readonly goesOn: (inputs: number) => boolean;
  readonly onFinding: (finding: Finding) => void;
  readonly watch?: CaseWatch | undefined;
}

/** Try `target` with inputs made of the seed; the same seed makes the same inputs. */
export async function runTarget(
  target: FuzzTarget,
  { seed, goesOn, onFinding, watch }: RunOptions,
): Promise<Tally> {
  const random: Random = seededRandom(seed);
  const from = performance.now();
  await using run = await target.start(watch);
  let findings = 0;
  while (findings < MAX_FINDINGS && goesOn(run.inputs)) {
    const found = await run.step(random);
    for (const finding of found) onFinding(finding);
    findings += found.length;
  }
  return { name: target.name, inputs: run.inputs, findings, ms: performance.now() - from };
}
