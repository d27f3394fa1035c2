/** A router's memory over many small requests, and over many long streams. @module */
import { type Children, pause } from "../child.ts";
import { type Cluster, startCluster } from "./cluster.ts";
import { type Asked, lanesTo } from "./lanes.ts";
import { runLoad } from "../load.ts";
import { readProcessStat } from "../process_stat.ts";
import { figure, tableText } from "../table.ts";

/** Small requests in all, and after how many of them memory is read. */
const REQUESTS = 100_000;
const SLICE = 10_000;

/** Streams at a time; each has so many tokens, so far apart. */
const STREAMS = 2_000;
const TOKENS = 200;
const PACE_MS = 100;
const STREAM_ROUNDS = 3;

/** How long a router rests before its memory is read. */
const REST_MS = 3_000;

/** A load that lasts this long is one round of its connections: all ask once. */
const ONCE_MS = 1;

interface Row {
  readonly after: string;
  readonly direct: number;
  readonly handoff: number;
}

/** What both routers have resident as they serve; `quick` is a tenth of it. */
export async function memoryText(children: Children, quick: boolean): Promise<string> {
  const cluster = await startCluster(children, [
    "--max-inflight",
    STREAMS,
    "--max-prefill-inflight",
    256,
  ]);
  const rows: Row[] = [readRow(cluster, "start")];
  const count = quick ? REQUESTS / 10 : REQUESTS;
  for (let done = 0; done < count; done += SLICE) {
    await askEach(cluster, { stream: false, tokens: 16 }, 32, Math.min(SLICE, count));
    rows.push(readRow(cluster, `${done + SLICE} requests`));
  }
  await pause(REST_MS);
  rows.push(readRow(cluster, "a rest"));
  const streams = quick ? STREAMS / 10 : STREAMS;
  for (let round = 1; round <= STREAM_ROUNDS; round++) {
    const asked: Asked = { stream: true, tokens: TOKENS, paceMs: PACE_MS, exact: true };
    for (const router of ["direct", "handoff"] as const) {
      const during = await duringStreams(cluster, asked, streams, router);
      rows.push({
        ...readRow(cluster, `${streams} streams, ${router}, at most`),
        [router]: during,
      });
    }
    await pause(REST_MS);
    rows.push(readRow(cluster, `a rest after round ${round}`));
  }
  return tableText([
    { title: "MiB resident after", text: ({ after }) => after },
    { title: "direct", text: ({ direct }) => figure(direct, 0) },
    { title: "handoff", text: ({ handoff }) => figure(handoff, 0) },
  ], rows);
}

function readRow({ direct, handoff }: Cluster, after: string): Row {
  return { after, direct: residentMib(direct.pid), handoff: residentMib(handoff.pid) };
}

function residentMib(pid: number): number {
  return readProcessStat(pid).residentBytes / 2 ** 20;
}

/** At least `count` requests to each router. */
async function askEach(
  cluster: Cluster,
  asked: Asked,
  connections: number,
  count: number,
): Promise<void> {
  for (const router of ["direct", "handoff"] as const) {
    const lane = laneOf(cluster, asked, router);
    for (let done = 0; done < count;) {
      done += (await runLoad({ ...lane, connections, durationMs: 1_000 })).allRequests;
    }
  }
}

/** The most that a router has resident while each of `streams` connections has one stream. */
async function duringStreams(
  cluster: Cluster,
  asked: Asked,
  streams: number,
  router: "direct" | "handoff",
): Promise<number> {
  const lane = laneOf(cluster, asked, router);
  let most = 0;
  const watch = setInterval(() => most = Math.max(most, residentMib(cluster[router].pid)), 100);
  try {
    await runLoad({ ...lane, connections: streams, durationMs: ONCE_MS, tailMs: 180_000 });
  } finally {
    clearInterval(watch);
  }
  return most;
}

function laneOf(
  cluster: Cluster,
  asked: Asked,
  router: "direct" | "handoff",
): { readonly port: number; readonly request: Uint8Array; readonly events?: number | undefined } {
  const { port } = cluster[router];
  const lane = lanesTo(cluster, cluster.fast, asked).find((one) => one.port === port);
  if (lane === undefined) throw new Error(`No lane of the benchmark goes to port ${port}`);
  return { port, request: lane.request, events: lane.events };
}
