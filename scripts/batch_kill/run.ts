/** Kills a router that answers batches, again and again, and looks at what is left in the end. @module */
import { seededRandom, sleep, systemClock } from "../../lib/base/mod.ts";
import { tempFolder } from "../../tests/support/batches.ts";
import { nothingPromised, type Promised, work } from "./client.ts";
import { type RecordingEngine, startRecording } from "./engine.ts";
import { judge, type Verdict } from "./judge.ts";
import { type RouterProcess, startProcess } from "./process.ts";
import { settledIn } from "./settled.ts";

/** How it is killed. */
export interface KillOptions {
  readonly kills: number;
  readonly seed: number;
  /** Told of each life. */
  readonly print?: (line: string) => void;
}

/** What came of it. */
export interface KillReport extends Verdict {
  /** Kills after which the router had served, and requests that were asked again after one. */
  readonly served: number;
  readonly askedAgain: number;
}

/** Of the kills, the share that come while the router starts. */
const EARLY = 0.2;

/** Latest moment of a kill, in milliseconds: after the start, or after the router serves. */
const LATEST_MS = 700;

/** How long the first batch of all may take to be promised, in milliseconds. */
const FIRST_PROMISE_MS = 30_000;

/** Kill a router `kills` times, and start it a last time. */
export async function runKills(
  { kills, seed, print = () => {} }: KillOptions,
): Promise<KillReport> {
  const random = seededRandom(seed);
  await using folder = await tempFolder();
  await using engine = await startRecording(random);
  const promised = nothingPromised();
  const violations: string[] = [];
  const before = new Set<string>();
  let [served, askedAgain] = [0, 0];
  let settled: ReadonlySet<string> = new Set();
  const look = (life: number): void => {
    for (const [text, times] of engine.asked) {
      if (times > 1) violations.push(`Life ${life} has asked ${text} ${times} times`);
      if (settled.has(text)) {
        violations.push(`Life ${life} has asked ${text}, which had its result`);
      }
      if (before.has(text)) askedAgain++;
      before.add(text);
    }
    engine.forget();
  };
  for (let life = 1; life <= kills; life++) {
    const early = random.next() < EARLY;
    const router = startProcess(folder.path, engine.url);
    const moment = random.next() * LATEST_MS;
    const lived = await livedUntilKilled(router, { early, moment, life, promised, engine, random });
    served += lived ? 1 : 0;
    look(life);
    settled = await settledIn(folder.path, (file) => promised.inputs.get(file));
    print(
      `kill ${life}: ${moment.toFixed(0)} ms after it ${lived ? "served" : "began"}; ` +
        `${promised.batches.size} batches, ${settled.size} results of open ones`,
    );
  }
  const last = startProcess(folder.path, engine.url);
  const verdict = await judge(await last.serving, folder.path, promised);
  const code = await last.stop();
  look(kills + 1);
  if (code !== 0) violations.push(`The last router ended with ${code}`);
  return { ...verdict, served, askedAgain, violations: [...violations, ...verdict.violations] };
}

interface Life {
  readonly early: boolean;
  readonly moment: number;
  readonly life: number;
  readonly promised: Promised;
  readonly engine: RecordingEngine;
  readonly random: ReturnType<typeof seededRandom>;
}

/** Whether it served before it was killed. */
async function livedUntilKilled(router: RouterProcess, life: Life): Promise<boolean> {
  const clock = systemClock();
  if (life.early) {
    await sleep(clock, life.moment);
    await router.kill();
    return false;
  }
  const url = await router.serving;
  const working = work(url, life.life, life.promised, life.random);
  // A slow machine may have promised nothing by any moment: then there is nothing to lose.
  const end = clock.now() + FIRST_PROMISE_MS;
  while (life.promised.batches.size === 0 && clock.now() < end) await sleep(clock, 5);
  await sleep(clock, life.moment);
  await router.kill();
  await working;
  return true;
}
