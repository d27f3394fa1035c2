/** A run as text. @module */
import { commandOf } from "./options.ts";
import type { ChaosReport } from "./run.ts";
import { violationText } from "./violation.ts";

const MIB = 1024 * 1024;

/** All that is to be said of a run, over several lines. */
export function reportText(report: ChaosReport): string {
  const { options, requests, verdicts, statuses, leftAt, faults, heaps, healMs } = report;
  const { violations, violationCount, givenUp } = report;
  const again = violationCount === 0 ? [] : [
    ...violations.map(violationText),
    `${violationCount} violations with seed ${options.seed}. Again: ${commandOf(options)}`,
  ];
  return [
    `seed ${options.seed}, ${options.protocol}: ${requests} requests`,
    `ended: ${countsText(verdicts)}`,
    `statuses: ${countsText(statuses)}`,
    `clients left at: ${countsText(leftAt)}`,
    `faults: ${countsText(faults)}`,
    `heap in MiB: ${heaps.map((bytes) => (bytes / MIB).toFixed(1)).join(" ")}`,
    `all engines and pairs good after ${Math.round(healMs)} ms`,
    `KV entries held that the router said it could not release: ${givenUp}`,
    ...again,
    violationCount === 0 ? "no violation" : `${violationCount} VIOLATIONS`,
  ].join("\n");
}

function countsText(counts: ReadonlyMap<string | number, number>): string {
  const sorted = [...counts].sort(([, one], [, other]) => other - one);
  return sorted.map(([name, count]) => `${name} ${count}`).join(", ") || "none";
}
