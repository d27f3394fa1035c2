/** Short runs of fuzz targets. @module */
import { runTarget } from "../../scripts/fuzz/run.ts";
import type { Finding, FuzzTarget } from "../../scripts/fuzz/target.ts";
import { assert } from "../support/assert.ts";

/** What is wrong with the first `cases` cases of `seed`, or more. */
export async function findingsOf(
  target: FuzzTarget,
  cases: number,
  seed: number,
): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  await runTarget(target, {
    seed,
    goesOn: (inputs) => inputs < cases && findings.length === 0,
    onFinding: (finding) => findings.push(finding),
  });
  return findings;
}

/** Cases in which a planted fault has to show. */
const CASES = 1_500;

/** Make sure that `broken`, whose parser has a fault, tells one that begins with `what`. */
export async function assertFound(broken: FuzzTarget, what: string): Promise<Finding> {
  const findings = await findingsOf(broken, CASES, 1);
  const found = findings.find((finding) => finding.what.startsWith(what));
  assert(
    found !== undefined,
    `${broken.name}: ${JSON.stringify(findings.map((finding) => finding.what))}, not ${what}`,
  );
  return found;
}
