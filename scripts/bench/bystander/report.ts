/** What attacks did, as a table, and whether that is what is wanted. @module */
import { type Column, figure, tableText } from "../table.ts";
import type { AttackResult } from "./round.ts";

/** How much larger a bystander's largest gap may be under attack, in milliseconds. */
export const MOST_GROWTH_MS = 50;

/**
 * Memory that a router may take on beside what it receives: connections, and a heap that is younger
 * than its load. Attacks send less than this, or far more.
 */
export const SPARE_BYTES = 32 * 1024 * 1024;

/**
 * How much larger the largest gap was, in milliseconds, less what one without a router grew by at the
 * same time: that is the machine's.
 */
export function gapGrowthMs({ quiet, attacked, ...machine }: AttackResult): number {
  const ofMachine = machine.machineAttacked.largest - machine.machineQuiet.largest;
  return attacked.largest - quiet.largest - Math.max(0, ofMachine);
}

/** Why an attack is not withstood; undefined when it is. */
export function problemOf(result: AttackResult): string | undefined {
  if (!result.lived) return "ended";
  const gap = !(gapGrowthMs(result) < MOST_GROWTH_MS);
  const memory = result.grownBytes >= Math.max(result.receivedBytes, SPARE_BYTES);
  if (gap && memory) return "gap, memory";
  return gap ? "gap" : memory ? "memory" : undefined;
}

const MIB = 1024 * 1024;

const COLUMNS: readonly Column<AttackResult>[] = [
  { title: "attack", text: ({ name, by }) => `${by}: ${name}` },
  { title: "quiet ms", text: ({ quiet }) => figure(quiet.largest, 0) },
  { title: "largest gap", text: ({ attacked }) => figure(attacked.largest, 0) },
  { title: "ratio", text: ({ quiet, attacked }) => figure(attacked.largest / quiet.largest, 1) },
  { title: "p99 ratio", text: ({ quiet, attacked }) => figure(attacked.p99 / quiet.p99, 1) },
  {
    title: "no router",
    text: ({ machineQuiet, machineAttacked }) =>
      figure(machineAttacked.largest / machineQuiet.largest, 1),
  },
  { title: "received MiB", text: ({ receivedBytes }) => figure(receivedBytes / MIB, 1) },
  { title: "grown MiB", text: ({ grownBytes }) => figure(grownBytes / MIB, 1) },
  {
    title: "grown to received",
    text: ({ grownBytes, receivedBytes }) =>
      receivedBytes < MIB ? "-" : figure(grownBytes / receivedBytes, 2),
  },
  { title: "", text: (result) => problemOf(result) ?? "ok" },
];

/** The table. */
export function attackTable(results: readonly AttackResult[]): string {
  return tableText(COLUMNS, results);
}
