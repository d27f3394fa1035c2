/** Loads on several lanes in turn, with what each process used, as medians of the rounds. @module */
import { median, quantile, sum } from "./figures.ts";
import { type LoadResult, runLoad } from "./load.ts";
import { readProcessStat } from "./process_stat.ts";

/** One way from the load generator to an engine. */
export interface Lane {
  readonly name: string;
  readonly port: number;
  readonly request: Uint8Array;
  /** Events of each answer; undefined for answers whose events are not counted. */
  readonly events?: number | undefined;
  readonly enginePids: readonly number[];
  /** Undefined where no router is in between. */
  readonly routerPid: number | undefined;
}

/** How long and how often. */
export interface Rounds {
  readonly connections: number;
  readonly durationMs: number;
  readonly rounds: number;
}

/** What one lane did, per field the median of its rounds. */
export interface Measured {
  readonly requestsPerSecond: number;
  readonly eventsPerSecond: number;
  readonly latencyMs: Spread;
  readonly firstEventMs: Spread;
  readonly gapMs: Spread;
  /** CPU time of the router, in milliseconds; NaN without one. */
  readonly routerMsPerRequest: number;
  readonly routerMsPerEvent: number;
  /** Cores kept busy. */
  readonly cores: { readonly client: number; readonly engine: number; readonly router: number };
}

/** The middle and the slow end. */
export interface Spread {
  readonly p50: number;
  readonly p99: number;
}

/** Notes the largest resident memory of processes. */
export type OnMemory = (pid: number, residentBytes: number) => void;

const MEMORY_EVERY_MS = 100;

/** Run every lane once per round, one after the other, so that noise hits all alike. */
export async function measureLanes(
  lanes: readonly Lane[],
  { connections, durationMs, rounds }: Rounds,
  onMemory: OnMemory,
): Promise<readonly Measured[]> {
  const results: Measured[][] = lanes.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (const [index, lane] of lanes.entries()) {
      results[index]?.push(await measure(lane, connections, durationMs, onMemory));
    }
  }
  return results.map(medians);
}

async function measure(
  lane: Lane,
  connections: number,
  durationMs: number,
  onMemory: OnMemory,
): Promise<Measured> {
  const { port, request, events, enginePids, routerPid } = lane;
  const routerPids = routerPid === undefined ? [] : [routerPid];
  const watch = setInterval(() => {
    for (const pid of routerPids) onMemory(pid, readProcessStat(pid).residentBytes);
  }, MEMORY_EVERY_MS);
  try {
    const groups = [[Deno.pid], enginePids, routerPids];
    const before = groups.map(cpuOf);
    const startedAt = performance.now();
    const load = await runLoad({ port, request, connections, durationMs, events });
    const seconds = (performance.now() - startedAt) / 1000;
    const [client = 0, engine = 0, router = 0] = groups.map((pids, index) =>
      cpuOf(pids) - (before[index] ?? 0)
    );
    return figuresOf(load, { client, engine, router }, seconds);
  } finally {
    clearInterval(watch);
  }
}

function cpuOf(pids: readonly number[]): number {
  return sum(pids.map((pid) => readProcessStat(pid).cpuSeconds));
}

function figuresOf(load: LoadResult, cpu: Measured["cores"], seconds: number): Measured {
  return {
    requestsPerSecond: load.requests / load.seconds,
    eventsPerSecond: load.events / load.seconds,
    latencyMs: spreadOf(load.latencies),
    firstEventMs: spreadOf(load.firstEvents),
    gapMs: spreadOf(load.gaps),
    routerMsPerRequest: cpu.router * 1000 / load.allRequests,
    routerMsPerEvent: cpu.router * 1000 / load.allEvents,
    cores: {
      client: cpu.client / seconds,
      engine: cpu.engine / seconds,
      router: cpu.router / seconds,
    },
  };
}

function spreadOf(samples: readonly number[]): Spread {
  return { p50: quantile(samples, 0.5), p99: quantile(samples, 0.99) };
}

function medians(all: readonly Measured[]): Measured {
  const of = (field: (one: Measured) => number): number => median(all.map(field));
  const spread = (field: (one: Measured) => Spread): Spread => ({
    p50: of((one) => field(one).p50),
    p99: of((one) => field(one).p99),
  });
  return {
    requestsPerSecond: of((one) => one.requestsPerSecond),
    eventsPerSecond: of((one) => one.eventsPerSecond),
    latencyMs: spread((one) => one.latencyMs),
    firstEventMs: spread((one) => one.firstEventMs),
    gapMs: spread((one) => one.gapMs),
    routerMsPerRequest: of((one) => one.routerMsPerRequest),
    routerMsPerEvent: of((one) => one.routerMsPerEvent),
    cores: {
      client: of((one) => one.cores.client),
      engine: of((one) => one.cores.engine),
      router: of((one) => one.cores.router),
    },
  };
}
