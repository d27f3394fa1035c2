/** What is told of a run. @module */
import type { Finding } from "./target.ts";

/** What came of one target. */
export interface Tally {
  readonly name: string;
  readonly inputs: number;
  readonly findings: number;
  readonly ms: number;
}

/** A finding, and how to see it again: by its case, or where there are none by the run's seed. */
export function findingText(name: string, runSeed: number, { what, input, seed }: Finding): string {
  const again = seed === undefined ? `--seed ${runSeed}` : `--case ${seed}`;
  return `${name}: seed ${runSeed}: ${what}\n  input  ${input}\n` +
    `  again  deno task fuzz --target ${name} ${again}`;
}

/** The case of `seed` has no end. */
export function hangText(name: string, runSeed: number, seed: number, seconds: number): string {
  return findingText(name, runSeed, {
    what: `hangs: a case has not ended within ${seconds} s`,
    input: "(the case makes it)",
    seed,
  });
}

/** A line for each target. */
export function tableText(tallies: readonly Tally[]): string {
  const rows = tallies.map(({ name, inputs, findings, ms }) => [
    name,
    String(inputs),
    String(findings),
    String(Math.round(inputs / Math.max(ms / 1000, 1e-3))),
  ]);
  const all = [["target", "cases", "findings", "cases/s"], ...rows];
  const widths = [0, 1, 2, 3].map((column) =>
    Math.max(...all.map((row) => row[column]?.length ?? 0))
  );
  return all.map((row) =>
    row.map((cell, column) =>
      column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)
    ).join("  ")
  ).join("\n");
}
