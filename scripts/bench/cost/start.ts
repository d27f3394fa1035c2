/** The table of starts: how soon a program serves, and its first requests beside later ones. @module */
import { Children, pause } from "../child.ts";
import { median } from "../figures.ts";
import type { Bench, Section } from "./bench.ts";
import { runClient } from "./client.ts";
import { readTreeStat } from "./cpu.ts";
import { startEngines } from "./engines.ts";
import { warmUp } from "./measure.ts";
import { beginWay, serving, type Way } from "./ways.ts";

/** Requests that count as the first ones. */
const FIRST = 1_000;

/** The 100th request is the middle one of these. */
const AROUND_100 = [90, 111] as const;

/** How often `/ready` is asked, in milliseconds, and how many times at most. */
const LOOK_MS = 5;
const MOST_LOOKS = 2_000;

/** What one start was like, by keys of columns. */
type Seen = Readonly<Record<string, number>>;

const COLUMNS = [
  { key: "serves", title: "serves after ms", digits: 0 },
  { key: "ready", title: "is ready after ms", digits: 0 },
  { key: "first", title: "1st request ms", digits: 2 },
  { key: "hundredth", title: "100th", digits: 2 },
  { key: "firstP50", title: "p50 of 1,000", digits: 3 },
  { key: "firstCpu", title: "CPU ms", digits: 3 },
  { key: "warmP50", title: "warm p50", digits: 3 },
  { key: "warmCpu", title: "CPU ms", digits: 3 },
  { key: "hundredthOfWarm", title: "100th of warm", digits: 2 },
] as const;

/**
 * From the start of a process to its first answer, and until it says at `/ready` that requests should come,
 * as one does that warms up first; then requests one by one.
 */
export const start: Section = async (bench) => {
  const ways = bench.ways.filter(({ program }) => program !== undefined);
  const seen = ways.map((): Seen[] => []);
  for (let round = 0; round < bench.effort.starts; round++) {
    for (const [index, way] of ways.entries()) {
      bench.say(`start: ${way.name}`);
      seen[index]?.push(await onceStarted(bench, way));
    }
  }
  return {
    section: "start",
    title: `From the start on, one client: the first ${FIRST} requests beside ${FIRST} warm ones`,
    columns: COLUMNS,
    rows: ways.map(({ name }, index) => ({
      what: "start",
      way: name,
      figures: Object.fromEntries(
        COLUMNS.map(({ key }) => [key, median((seen[index] ?? []).map((one) => one[key] ?? NaN))]),
      ),
      failed: 0,
      failure: "",
      steal: 0,
    })),
  };
};

/** Resolves when `/ready` says so, or what answers there knows nothing of it. */
async function saysReady(port: number): Promise<void> {
  for (let look = 0; look < MOST_LOOKS; look++) {
    const response = await fetch(`http://127.0.0.1:${port}/ready`);
    await response.body?.cancel();
    if (response.status !== 503) return;
    await pause(LOOK_MS);
  }
  throw new Error(`What listens at ${port} is not ready after ${MOST_LOOKS * LOOK_MS} ms`);
}

async function onceStarted({ tools, effort }: Bench, way: Way): Promise<Seen> {
  await using children = new Children();
  const engines = await startEngines(children, tools.engine);
  const startedAt = performance.now();
  const { port, child } = await beginWay(children, way, engines);
  await serving(child, port, 2);
  const serves = performance.now() - startedAt;
  await saysReady(port);
  const ready = performance.now() - startedAt;
  const ask = async (): Promise<{ readonly each: readonly number[]; readonly cpuMs: number }> => {
    const before = readTreeStat(child.pid).cpuSeconds;
    const load = await runClient(tools.client, port, { requests: FIRST, each: true });
    if (load.failed > 0) throw new Error(`Cannot start "${way.name}": ${load.failure}`);
    const { cpuSeconds } = readTreeStat(child.pid);
    return { each: load.each ?? [], cpuMs: 1_000 * (cpuSeconds - before) / FIRST };
  };
  const cold = await ask();
  await warmUp(tools, { way, port, pid: child.pid, engines }, effort.warmUp);
  const warm = await ask();
  const warmP50 = median(warm.each);
  const hundredth = median(cold.each.slice(...AROUND_100));
  return {
    serves,
    ready,
    first: cold.each[0] ?? NaN,
    hundredth,
    firstP50: median(cold.each),
    firstCpu: cold.cpuMs,
    warmP50,
    warmCpu: warm.cpuMs,
    hundredthOfWarm: hundredth / warmP50,
  };
}
