/** The table of one event that is far larger than others, beside streams that go on. @module */
import { pause } from "../child.ts";
import { median } from "../figures.ts";
import type { Bench, Section } from "./bench.ts";
import { type LoadAsk, runClient } from "./client.ts";
import { pace } from "./engines.ts";
import type { Row } from "./rows.ts";
import type { OpenWay } from "./ways.ts";

/** Megabytes of each of the large events. */
const SIZES = [1, 8];

/** Those beside it. */
const BESIDE: LoadAsk = {
  connections: 16,
  once: true,
  stream: true,
  tokens: 60,
  "spread-ms": 100,
};
const BESIDE_INTERVAL_US = 25_000;

/** When the large one begins, in milliseconds after the others. */
const BEGINS_MS = 400;

/** How long a stream of two large events takes, and the largest gap of others meanwhile. */
export const largeEvent: Section = async (bench) => {
  const ways = await bench.warm(["engine", "proxy", "handoff"]);
  const rows: Row[] = [];
  for (const size of SIZES) {
    bench.say(`event: ${size} MB`);
    for (const open of ways) {
      if (passesFieldsOn(open)) rows.push(await rowFor(bench, open, size));
    }
  }
  return {
    section: "event",
    title: "A stream of two large events beside 16 streams at 25 ms",
    columns: [
      { key: "ms", title: "ms for both", digits: 0 },
      { key: "gapMost", title: "largest gap beside", digits: 0 },
    ],
    rows,
  };
};

/** The engine is told of the size by a field of the request, which peers take out. */
function passesFieldsOn({ way }: OpenWay): boolean {
  return !/^(vllm-router|smg)/.test(way.name);
}

async function rowFor({ tools, effort }: Bench, open: OpenWay, size: number): Promise<Row> {
  const rounds = [];
  for (let round = 0; round < effort.rounds; round++) {
    await pace(open.engines.ports, BESIDE_INTERVAL_US);
    const [beside, large] = await Promise.all([
      runClient(tools.client, open.port, BESIDE),
      pause(BEGINS_MS).then(() =>
        runClient(tools.client, open.port, {
          requests: 1,
          stream: true,
          tokens: 2,
          "itl-us": 0,
          "event-bytes": size * 2 ** 20,
        })
      ),
    ]);
    rounds.push({ beside, large });
  }
  const all = rounds.flatMap(({ beside, large }) => [beside, large]);
  return {
    what: `${size} MB`,
    way: open.way.name,
    figures: {
      ms: median(rounds.map(({ large }) => large.latency?.p50 ?? NaN)),
      gapMost: median(rounds.map(({ beside }) => beside.gap?.max ?? NaN)),
    },
    failed: all.reduce((sum, { failed }) => sum + failed, 0),
    failure: all.find(({ failed }) => failed > 0)?.failure ?? "",
    steal: 0,
  };
}
