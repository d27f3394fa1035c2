/** One router, its bystander in quiet and under attack in turn. @module */
import { type Child, pause } from "../child.ts";
import { median, quantile } from "../figures.ts";
import { forgetPeak, readPeak, readProcessStat } from "../process_stat.ts";
import { AttackerProcess, type AttackTime } from "./attacker_process.ts";
import type { Attack } from "./attacks.ts";
import { beginBystander, PACE_MS } from "./stream.ts";

/** What is attacked. */
export interface Target {
  readonly router: Child;
  readonly port: number;
  /** The engine of the bystander, asked directly as well: what the machine does shows there. */
  readonly enginePort: number;
  /** Of the engine that is hostile: tells what it has sent. */
  readonly hostilePort: number;
}

/** Times between events of one stream, in milliseconds. */
export interface Gaps {
  readonly largest: number;
  readonly p99: number;
}

/** What one attack did, each figure the median of its rounds. */
export interface AttackResult {
  readonly name: string;
  readonly by: Attack["by"];
  readonly quiet: Gaps;
  readonly attacked: Gaps;
  /** The same two for a stream without a router. */
  readonly machineQuiet: Gaps;
  readonly machineAttacked: Gaps;
  /** Bytes that the router was sent, and the most memory beyond what it began with. */
  readonly receivedBytes: number;
  readonly grownBytes: number;
  /** Whether the router lives, and the bystander's stream went on. */
  readonly lived: boolean;
}

/** How long and how often. */
export interface BystanderRounds extends AttackTime {
  readonly rounds: number;
  readonly quietMs: number;
}

/** How long the bystander goes on behind an attack. */
const AFTER_MS = 500;

interface Sample {
  readonly router: Gaps;
  readonly machine: Gaps;
}

interface AttackSample extends Sample {
  readonly receivedBytes: number;
  readonly grownBytes: number;
}

/** Measure one attack: quiet and attacked in turn. */
export async function measureAttack(
  attack: Attack,
  target: Target,
  rounds: BystanderRounds,
): Promise<AttackResult> {
  const quiet: Sample[] = [];
  const attacked: AttackSample[] = [];
  let lived = true;
  for (let round = 0; round < rounds.rounds && lived; round++) {
    quiet.push((await during(target, () => pause(rounds.quietMs))).sample);
    const sample = await underAttack(attack, target, rounds);
    if (sample === undefined || target.router.ended) lived = false;
    else attacked.push(sample);
  }
  const of = (samples: readonly Sample[], lane: keyof Sample): Gaps => ({
    largest: median(samples.map((sample) => sample[lane].largest)),
    p99: median(samples.map((sample) => sample[lane].p99)),
  });
  return {
    name: attack.name,
    by: attack.by,
    quiet: of(quiet, "router"),
    attacked: of(attacked, "router"),
    machineQuiet: of(quiet, "machine"),
    machineAttacked: of(attacked, "machine"),
    receivedBytes: median(attacked.map(({ receivedBytes }) => receivedBytes)),
    grownBytes: median(attacked.map(({ grownBytes }) => grownBytes)),
    lived,
  };
}

/** Undefined when the bystander's stream did not survive. */
async function underAttack(
  attack: Attack,
  target: Target,
  time: AttackTime,
): Promise<AttackSample | undefined> {
  const { pid } = target.router;
  await using attacker = await AttackerProcess.start(attack, target.port, time);
  const sentBefore = await sentBy(target.hostilePort);
  try {
    const { sample, value } = await during(target, async () => {
      forgetPeak(pid);
      const before = readProcessStat(pid).residentBytes;
      const { sentBytes } = await attacker.attack();
      await pause(AFTER_MS);
      return { sentBytes, grownBytes: Math.max(0, readPeak(pid) - before) };
    });
    const engineBytes = await sentBy(target.hostilePort) - sentBefore;
    return {
      ...sample,
      grownBytes: value.grownBytes,
      receivedBytes: value.sentBytes + engineBytes,
    };
  } catch (error) {
    Deno.stderr.writeSync(new TextEncoder().encode(`${attack.name}: ${error}\n`));
    return undefined;
  }
}

/** The gaps of two streams, through the router and without it, while `work` is done. */
async function during<T>(
  { port, enginePort }: Target,
  work: () => Promise<T>,
): Promise<{ readonly sample: Sample; readonly value: T }> {
  const [router, machine] = await Promise.all([beginBystander(port), beginBystander(enginePort)]);
  await Promise.all([router.events(200 / PACE_MS), machine.events(200 / PACE_MS)]);
  const value = await work();
  const [routerGaps, machineGaps] = await Promise.all([router.end(), machine.end()]);
  return { sample: { router: gapsOf(routerGaps), machine: gapsOf(machineGaps) }, value };
}

function gapsOf(samples: readonly number[]): Gaps {
  return { largest: Math.max(...samples), p99: quantile(samples, 0.99) };
}

async function sentBy(port: number): Promise<number> {
  const { sent } = await (await fetch(`http://127.0.0.1:${port}/sent`)).json();
  return sent;
}
