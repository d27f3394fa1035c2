/** The table of fleets: what a request costs with few engines and with many. @module */
import { Children, pause } from "../child.ts";
import type { Bench, Section } from "./bench.ts";
import { CPU_MS, P50, P99, RATE } from "./columns.ts";
import { readTreeStat } from "./cpu.ts";
import { openAlone, samplesOf, warmUp } from "./measure.ts";
import { type Row, rowOf } from "./rows.ts";

const MEASURES = [RATE, CPU_MS, P50, P99] as const;

/** How long a way is looked at that has nothing to do, in milliseconds. */
const IDLE_MS = 5_000;

/** The same load before 2, 64 and 1,024 engines, of which half are prefill engines in handoffs. */
export const growth: Section = async (bench) => {
  const rows: Row[] = [];
  for (const count of bench.effort.engines) {
    bench.say(`growth: ${count} engines`);
    rows.push(...await fleetRows(bench, count));
  }
  return {
    section: "growth",
    title: "Whole answers, 1 KB bodies, 32 connections, by the number of engines",
    columns: [
      ...MEASURES.map(({ key, title, digits }) => ({ key, title, digits })),
      { key: "idle", title: "% of a core, idle", digits: 1 },
      { key: "mib", title: "MiB", digits: 0 },
    ],
    rows,
  };
};

async function fleetRows({ tools, effort, ways }: Bench, count: number): Promise<readonly Row[]> {
  await using children = new Children();
  const open = [];
  for (const way of ways.filter(({ program }) => program !== undefined)) {
    const one = await openAlone(children, tools, way, count);
    await warmUp(tools, one, effort.warmUp);
    open.push(one);
  }
  const load = { client: { connections: 32, seconds: effort.seconds } };
  const samples = await samplesOf(tools, open, load, effort.rounds);
  const before = open.map(({ pid = 0 }) => readTreeStat(pid).cpuSeconds);
  await pause(IDLE_MS);
  return open.map(({ way, pid = 0 }, index) => {
    const { cpuSeconds, residentBytes } = readTreeStat(pid);
    const row = rowOf(`${count} engines`, way.name, samples[index] ?? [], MEASURES);
    const idle = 100 * (cpuSeconds - (before[index] ?? NaN)) / (IDLE_MS / 1_000);
    return { ...row, figures: { ...row.figures, idle, mib: residentBytes / 2 ** 20 } };
  });
}
