/** The sections of the report: what is measured, and how it is shown. @module */
import type { Cluster, Engines } from "./cluster.ts";
import { type Asked, BASELINE, lanesTo } from "./lanes.ts";
import { type Lane, type Measured, measureLanes, type OnMemory, type Spread } from "./measure.ts";
import { type Column, figure, tableText } from "./table.ts";

/** How much time is spent. */
export interface Effort {
  readonly rounds: number;
  readonly durationMs: number;
  readonly connections: readonly number[];
  readonly streams: readonly number[];
}

/** What sections are run with. */
export interface Bench {
  readonly cluster: Cluster;
  readonly effort: Effort;
  readonly onMemory: OnMemory;
}

/** One part of the report: its title and its table. */
export type Section = (bench: Bench) => Promise<string>;

/** One line: a lane at one number of connections, beside the baseline at that number. */
interface Row {
  readonly lane: string;
  /** What sets the row apart beside lane and number. */
  readonly note?: string;
  readonly connections: number;
  readonly seen: Measured;
  readonly baseline: Measured;
}

/** Tokens of each answer that is not streamed, and of each stream. */
const WHOLE_TOKENS = 16;
const STREAM_TOKENS = 100;

/** Streams at the pace of a busy engine: so many tokens, so far apart. */
const PACED_TOKENS = 40;
const PACE_MS = 25;

/** Bytes of a large chat, and ids of a long prompt. */
const LARGE_BYTES = 4 * 1024 * 1024;
const LONG_IDS = 8192;

/** Sections by name, in the order of the report. */
export const SECTIONS: Readonly<Record<string, Section>> = {
  "requests": (bench) => requests(bench, bench.cluster.fast),
  "requests-sim": (bench) => requests(bench, bench.cluster.sim),
  "streams": (bench) => streams(bench, bench.cluster.fast, true),
  "streams-sim": (bench) => streams(bench, bench.cluster.sim, false),
  "pace": paced,
  "large": large,
};

async function requests(bench: Bench, engines: Engines): Promise<string> {
  const rows = await rowsOf(
    bench,
    bench.effort.connections,
    () => lanesTo(bench.cluster, engines, { stream: false, tokens: WHOLE_TOKENS }),
  );
  const title = `Requests without streaming, ${WHOLE_TOKENS} tokens, ${engines.name}`;
  return section(title, "clients", rows, [
    { title: "req/s", text: ({ seen }) => figure(seen.requestsPerSecond, 0) },
    ratioColumn((seen) => seen.requestsPerSecond),
    ...spreadColumns("", (seen) => seen.latencyMs),
    { title: "router CPU-s/1000", text: ({ seen }) => figure(seen.routerMsPerRequest, 3) },
  ]);
}

async function streams(bench: Bench, engines: Engines, exact: boolean): Promise<string> {
  const asked: Asked = { stream: true, tokens: STREAM_TOKENS, exact };
  const rows = await rowsOf(
    bench,
    bench.effort.streams,
    () => lanesTo(bench.cluster, engines, asked),
  );
  const title = `Streams of ${STREAM_TOKENS} tokens, as fast as they come, ${engines.name}`;
  return section(title, "streams", rows, [
    { title: "tokens/s", text: ({ seen }) => figure(seen.eventsPerSecond, 0) },
    ratioColumn((seen) => seen.eventsPerSecond),
    { title: "router CPU-s/1000", text: ({ seen }) => figure(seen.routerMsPerEvent, 4) },
  ]);
}

async function paced(bench: Bench): Promise<string> {
  const asked: Asked = { stream: true, tokens: PACED_TOKENS, paceMs: PACE_MS, exact: true };
  const { cluster, effort, onMemory } = bench;
  const longer = { ...effort, durationMs: PACED_TOKENS * PACE_MS + effort.durationMs };
  const rows = await rowsOf(
    { cluster, effort: longer, onMemory },
    effort.streams,
    () => lanesTo(cluster, cluster.fast, asked),
  );
  const title = `Streams with a token every ${PACE_MS} ms, fast engine`;
  return section(title, "streams", rows, [
    { title: "tokens/s", text: ({ seen }) => figure(seen.eventsPerSecond, 0) },
    { title: "TTFT p50 ms", text: ({ seen }) => figure(seen.firstEventMs.p50, 2) },
    ...spreadColumns("gap ", (seen) => seen.gapMs),
    { title: "router CPU-s/1000", text: ({ seen }) => figure(seen.routerMsPerEvent, 4) },
  ]);
}

async function large({ cluster, effort, onMemory }: Bench): Promise<string> {
  const longer = { cluster, effort: { ...effort, durationMs: 2 * effort.durationMs }, onMemory };
  const ids = Array.from({ length: LONG_IDS }, (_, index) => 10_000 + index);
  const rows: Row[] = [];
  for (const prompt of ["word ".repeat(LARGE_BYTES / 5), ids]) {
    const asked: Asked = { stream: false, tokens: WHOLE_TOKENS, prompt };
    const name = typeof prompt === "string" ? `${LARGE_BYTES / 2 ** 20} MiB` : `${LONG_IDS} ids`;
    const seen = await rowsOf(longer, [1], () => lanesTo(cluster, cluster.fast, asked));
    rows.push(...seen.map((row) => ({ ...row, note: name })));
  }
  return section(
    "Large prompts without streaming, as text and as ids, fast engine",
    "clients",
    rows,
    [
      { title: "req/s", text: ({ seen }) => figure(seen.requestsPerSecond, 0) },
      ...spreadColumns("", (seen) => seen.latencyMs),
      { title: "router CPU-s/1000", text: ({ seen }) => figure(seen.routerMsPerRequest, 2) },
    ],
  );
}

async function rowsOf(
  { effort, onMemory }: Bench,
  counts: readonly number[],
  lanesFor: () => readonly Lane[],
): Promise<readonly Row[]> {
  const { rounds, durationMs } = effort;
  const rows: Row[] = [];
  for (const connections of counts) {
    const lanes = lanesFor();
    const seen = await measureLanes(lanes, { connections, durationMs, rounds }, onMemory);
    const [baseline] = seen;
    for (const [index, lane] of lanes.entries()) {
      const figures = seen[index];
      if (figures === undefined || baseline === undefined) continue;
      rows.push({ lane: lane.name, connections, seen: figures, baseline });
    }
  }
  return rows;
}

function section(
  title: string,
  what: string,
  rows: readonly Row[],
  columns: readonly Column<Row>[],
): string {
  const all: readonly Column<Row>[] = [
    {
      title: what,
      text: ({ lane, note, connections }) =>
        `${String(connections).padStart(4)} ${lane}${note === undefined ? "" : `, ${note}`}`,
    },
    ...columns,
    {
      title: "cores client|engine|router",
      text: ({ seen: { cores } }) =>
        [cores.client, cores.engine, cores.router].map((busy) => figure(busy, 2)).join("|"),
    },
  ];
  return `${title}\n${tableText(all, rows)}`;
}

function ratioColumn(of: (seen: Measured) => number): Column<Row> {
  return {
    title: "of engine",
    text: ({ seen, baseline }) => `${figure(100 * of(seen) / of(baseline), 0)} %`,
  };
}

function spreadColumns(what: string, of: (seen: Measured) => Spread): readonly Column<Row>[] {
  return (["p50", "p99"] as const).flatMap((share): readonly Column<Row>[] => [
    { title: `${what}${share} ms`, text: ({ seen }) => figure(of(seen)[share], 2) },
    {
      title: "added",
      text: ({ lane, seen, baseline }) =>
        figure(lane === BASELINE ? NaN : of(seen)[share] - of(baseline)[share], 2),
    },
  ]);
}
