/** Loads on open ways in turn, with what stands in between used. @module */
import type { Children } from "../child.ts";
import { type LoadAsk, type LoadSeen, runClient } from "./client.ts";
import { readTreeStat } from "./cpu.ts";
import { type EngineProcess, pace, startEngines } from "./engines.ts";
import { readMachineStat, stealBetween } from "./steal.ts";
import type { Tools } from "./tools.ts";
import { type OpenWay, openWay, type Way } from "./ways.ts";

/** One load on one way, once. */
export interface Sample {
  readonly load: LoadSeen;
  /** CPU time of what stands in between, in seconds; NaN for the engine itself. */
  readonly cpuSeconds: number;
  /** CPU time of the engine, in seconds. */
  readonly engineSeconds: number;
  /** Share of the machine's time that others had, 0 to 1. */
  readonly steal: number;
}

/** What is asked of a load, beside what its client is told. */
export interface Load {
  readonly client: LoadAsk;
  /**
   * Time from token to token of what the engine streams, in microseconds.
   * @default {0}
   */
  readonly intervalUs?: number;
  /**
   * What runs before each sample and is not measured: a load of few requests leaves a program that gives
   * memory back after a while no less warm than one that rests.
   * @default nothing
   */
  readonly before?: LoadAsk;
}

/** Above it a round is repeated; and how often at most. */
const STEAL_MOST = 0.12;
const REPEATS = 2;

/** Run `load` on `open` once; again, up to twice, while others have had too much of the machine. */
export async function sampleOf(tools: Tools, open: OpenWay, load: Load): Promise<Sample> {
  let best = await onceOf(tools, open, load);
  for (let again = 0; again < REPEATS && best.steal > STEAL_MOST; again++) {
    const next = await onceOf(tools, open, load);
    if (next.steal < best.steal) best = next;
  }
  return best;
}

async function onceOf(tools: Tools, open: OpenWay, load: Load): Promise<Sample> {
  const { port, pid, engines } = open;
  await pace(engines.ports, load.intervalUs ?? 0);
  if (load.before !== undefined) await runClient(tools.client, port, load.before);
  const machine = readMachineStat();
  const [own, engine] = [cpuOf(pid), cpuOf(engines.pid)];
  const seen = await runClient(tools.client, port, load.client);
  return {
    load: seen,
    cpuSeconds: cpuOf(pid) - own,
    engineSeconds: cpuOf(engines.pid) - engine,
    steal: stealBetween(machine, readMachineStat()),
  };
}

function cpuOf(pid: number | undefined): number {
  return pid === undefined ? NaN : readTreeStat(pid).cpuSeconds;
}

/** `rounds` samples of each of `ways`, which take turns, so that what else happens hits all alike. */
export async function samplesOf(
  tools: Tools,
  ways: readonly OpenWay[],
  load: Load,
  rounds: number,
): Promise<readonly (readonly Sample[])[]> {
  const samples = ways.map((): Sample[] => []);
  for (let round = 0; round < rounds; round++) {
    for (const [index, open] of ways.entries()) {
      samples[index]?.push(await sampleOf(tools, open, load));
    }
  }
  return samples;
}

/** Requests and streams that run through a way before it is measured. */
export interface WarmUp {
  readonly requests: number;
  readonly streams: number;
}

/** Start what stands on `way`, before engines of its own, `count` of them. */
export async function openAlone(
  children: Children,
  tools: Tools,
  way: Way,
  count = 1,
): Promise<OpenWay> {
  const engines: EngineProcess = await startEngines(children, tools.engine, count);
  return await openWay(children, way, engines);
}

/** Have a way run as it does after a while. Rejects where requests fail on it. */
export async function warmUp(
  tools: Tools,
  open: OpenWay,
  { requests, streams }: WarmUp,
): Promise<void> {
  await pace(open.engines.ports, 1_000);
  for (
    const ask of [
      { connections: 32, requests, limit: 300 },
      { connections: streams, once: true, stream: true, tokens: 100, "spread-ms": 100 },
    ] as const
  ) {
    const { failed, failure } = await runClient(tools.client, open.port, ask);
    if (failed > 0) {
      throw new Error(`Cannot warm "${open.way.name}" up: ${failed} failed, ${failure}`);
    }
  }
  await pace(open.engines.ports, 0);
}
