/** The tables of one load on all ways in turn: requests, streams, bodies, handoffs. @module */
import type { Bench, Section } from "./bench.ts";
import {
  added,
  CPU_MS,
  CPU_TOKENS,
  FIRST_P50,
  FIRST_P99,
  GAP_P50,
  GAP_P99,
  ofEngine,
  ofNginx,
  P50,
  P99,
  RATE,
  TOKEN_RATE,
} from "./columns.ts";
import { type Load, samplesOf } from "./measure.ts";
import { compared, type Comparison, type Measure, rowOf, type Table } from "./rows.ts";
import type { WayKind } from "./ways.ts";

/** A load by its name. */
type Named = readonly [string, Load];

/** One table: its columns are those of `measures` and `comparisons`, in the order of `shown`. */
interface Plan {
  readonly section: string;
  readonly title: string;
  readonly kinds: readonly WayKind[];
  readonly loads: readonly Named[];
  readonly columns: readonly (Measure | Comparison)[];
}

const ALL: readonly WayKind[] = ["engine", "proxy", "handoff"];

/** The name of the peer whose handoffs are compared with. */
const PEER = "vllm-router, nixl";

async function run(bench: Bench, plan: Plan): Promise<Table> {
  const { section, title, columns } = plan;
  const measures = columns.filter((column): column is Measure => !("to" in column));
  const comparisons = columns.filter((column): column is Comparison => "to" in column);
  const ways = await bench.warm(plan.kinds);
  const rows = [];
  for (const [what, load] of plan.loads) {
    bench.say(`${section}: ${what}`);
    const samples = await samplesOf(bench.tools, ways, load, bench.effort.rounds);
    rows.push(
      ...ways.map(({ way }, index) => rowOf(what, way.name, samples[index] ?? [], measures)),
    );
  }
  return {
    section,
    title,
    columns: columns.map(({ key, title, digits }) => ({ key, title, digits })),
    rows: compared(rows, comparisons),
  };
}

/** Whole answers: 1 KB bodies, eight fields, answers of 16 tokens. */
export const requests: Section = (bench) =>
  run(bench, {
    section: "requests",
    title: "Whole answers, 1 KB bodies, as many as go",
    kinds: ALL,
    loads: bench.effort.connections.map((connections): Named => [
      `${connections} connections`,
      { client: { connections, seconds: bench.effort.seconds } },
    ]),
    columns: [
      RATE,
      ofEngine(RATE, "of engine"),
      CPU_MS,
      ofNginx(CPU_MS, "of nginx"),
      P50,
      P99,
    ],
  });

/** What a request takes longer, where there is no lack of anything. */
export const addedLatency: Section = (bench) =>
  run(bench, {
    section: "added",
    title: "Whole answers, 150 a second by chance (Poisson)",
    kinds: ALL,
    loads: [[
      "150/s",
      {
        client: { connections: 32, rate: 150, seconds: 2 * bench.effort.seconds + 1 },
        before: { connections: 32, requests: 2_000 },
      },
    ]],
    columns: [P50, added(P50, "added"), P99, added(P99, "added"), CPU_MS],
  });

/** Streams of chats. */
export const streams: Section = (bench) =>
  run(bench, {
    section: "streams",
    title: "Streams",
    kinds: ALL,
    loads: bench.effort.streams.map(([connections, intervalUs]): Named => [
      `${connections} at ${intervalUs / 1000} ms`,
      {
        client: {
          connections,
          once: true,
          stream: true,
          tokens: Math.min(400, 3_000_000 / intervalUs),
          "spread-ms": connections < 1_000 ? 300 : 1_500,
        },
        intervalUs,
      },
    ]),
    columns: [
      CPU_TOKENS,
      ofNginx(CPU_TOKENS, "of nginx"),
      TOKEN_RATE,
      ofEngine(TOKEN_RATE, "of engine"),
      FIRST_P50,
      FIRST_P99,
      GAP_P50,
      GAP_P99,
    ],
  });

/** Tokens of a text are five bytes long, or so. */
const TOKEN_BYTES = 5;

/** Large bodies. */
export const bodies: Section = (bench) =>
  run(bench, {
    section: "bodies",
    title: "Large bodies, whole answers",
    kinds: ALL,
    loads: bench.effort.bodies.map((bytes): Named => [
      bytes < 2 ** 20 ? `${bytes / 1024} KB` : `${bytes / 2 ** 20} MB`,
      {
        client: {
          connections: bytes < 2 ** 20 ? 8 : 4,
          seconds: bench.effort.seconds,
          "body-bytes": bytes,
          "prompt-tokens": Math.floor(bytes / TOKEN_BYTES),
        },
      },
    ]),
    columns: [RATE, ofEngine(RATE, "of engine"), ofNginx(RATE, "of nginx"), CPU_MS, P50, P99],
  });

/** Handoffs, beside the peer's that are most like them. */
export const handoffs: Section = (bench) => {
  const peers = ({ key }: Measure): Comparison => ({
    key: `${key}OfPeer`,
    title: "of vllm-router",
    digits: 2,
    of: key,
    to: PEER,
    by: "ratio",
  });
  const { seconds } = bench.effort;
  return run(bench, {
    section: "handoffs",
    title: "Handoffs",
    kinds: ["engine", "handoff"],
    loads: [
      ["whole, 16 connections", { client: { connections: 16, seconds } }],
      [
        "first event, 1 client",
        {
          client: { connections: 1, seconds, stream: true, tokens: 4 },
          intervalUs: 2_000,
        },
      ],
      [
        "128 KB, 8 connections",
        {
          client: {
            connections: 8,
            seconds,
            "body-bytes": 128 * 1024,
            "prompt-tokens": 128 * 1024 / TOKEN_BYTES | 0,
          },
        },
      ],
    ],
    columns: [RATE, peers(RATE), CPU_MS, peers(CPU_MS), FIRST_P50, peers(FIRST_P50), P50, P99],
  });
};
