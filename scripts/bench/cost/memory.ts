/** The table of memory: at rest, at a thousand streams, and behind them. @module */
import { pause } from "../child.ts";
import type { Bench, Section } from "./bench.ts";
import { runClient } from "./client.ts";
import { readTreeStat } from "./cpu.ts";
import { pace } from "./engines.ts";
import { openAlone } from "./measure.ts";
import type { Row } from "./rows.ts";
import type { Way } from "./ways.ts";

const STREAMS = 1_000;
const INTERVAL_US = 25_000;
const TOKENS = 160;

/** How often memory is read while streams run, in milliseconds, and how long a start settles. */
const EVERY_MS = 100;
const SETTLE_MS = 1_500;

/** What each way has resident; every one is started for it, and does nothing else. */
export const memory: Section = async (bench) => {
  const ways = bench.ways.filter(({ program }) => program !== undefined);
  const ended: Promise<Row>[] = [];
  for (const way of ways) {
    bench.say(`memory: ${way.name}`);
    // The rest afterwards is of all together.
    ended.push((await burst(bench, way))());
  }
  return {
    section: "memory",
    title: `MiB resident, ${STREAMS} streams at ${INTERVAL_US / 1000} ms`,
    columns: [
      { key: "rest", title: "at rest", digits: 0 },
      { key: "most", title: `at ${STREAMS} streams`, digits: 0 },
      { key: "after", title: "after them", digits: 0 },
      { key: "later", title: `${bench.effort.restSeconds} s later`, digits: 0 },
    ],
    rows: await Promise.all(ended),
  };
};

async function burst(
  { children, tools, effort }: Bench,
  way: Way,
): Promise<() => Promise<Row>> {
  const open = await openAlone(children, tools, way);
  const { port, pid = 0, engines } = open;
  const mib = (): number => readTreeStat(pid).residentBytes / 2 ** 20;
  await pace(engines.ports, INTERVAL_US);
  await pause(SETTLE_MS);
  const rest = mib();
  let most = rest;
  const watch = setInterval(() => most = Math.max(most, mib()), EVERY_MS);
  const seen = await runClient(tools.client, port, {
    connections: STREAMS,
    once: true,
    stream: true,
    tokens: TOKENS,
    "spread-ms": 1_500,
  }).finally(() => clearInterval(watch));
  const after = mib();
  return async () => {
    await pause(effort.restSeconds * 1_000);
    return {
      what: `${STREAMS} streams`,
      way: way.name,
      figures: { rest, most, after, later: mib() },
      failed: seen.failed,
      failure: seen.failure,
      steal: 0,
    };
  };
}
