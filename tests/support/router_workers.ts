/**
 * A test's router as several processes: the test's own is their supervisor. `PD_ROUTER_TEST_WORKERS` says
 * how many; tests that give a router something that no other process can have get one that is theirs.
 * @module
 */
import { Buffer } from "node:buffer";
import { serialize } from "node:v8";
import type { AdmissionStats, App, AppStats } from "../../lib/app.ts";
import {
  encodeUtf8,
  RouterError,
  silentLogger,
  sleep,
  systemClock,
  systemRandom,
} from "../../lib/base/mod.ts";
import { decodeJson, encodeJson } from "../../lib/workers/codec.ts";
import { type OpenSupervisor, openSupervisor, processStarter } from "../../lib/workers/mod.ts";
import { takeTold } from "../../lib/workers/told.ts";
import { OWN_CALL } from "../../lib/workers/whole.ts";
import { HOLDINGS_CALL, SOURCE_CALL, type TestChange, type WorkerTask } from "./worker_entry.ts";

/** How many processes a test's router is to have; 1 for none of its own. */
export const TEST_WORKERS = Number(Deno.env.get("PD_ROUTER_TEST_WORKERS") ?? 1);

interface Holdings {
  readonly stats: AppStats;
  readonly admission: AdmissionStats;
}

/** How often it is asked what they hold, in milliseconds. */
const ASK_MS = 20;

/** How long one may take to tell, in milliseconds. */
const VIEW_MS = 5_000;

/** One of several processes' own account of the engines: the rows of its `/engines`. */
export type EngineRows = readonly Readonly<Record<string, unknown>>[];

/** A router of several processes. */
export interface StartedWorkers {
  readonly app: App;
  /** What each of them tells by itself. */
  views(): Promise<readonly EngineRows[]>;
  /** What waits at each, as it was a moment ago. */
  admissions(): readonly AdmissionStats[];
  /** Have all of them know of a change of engines, where the task is scripted. */
  tell(change: TestChange): void;
  /**
   * End the process of this number by force; another is started in its place. Only where all of them serve:
   * with none that does, nobody would answer. Whether it was.
   */
  kill(number: number): boolean;
}

/** Where they are not as the environment says. */
export interface WorkersPorts {
  readonly count?: number;
  /** Takes what they log, where the task is scripted. */
  readonly write?: (text: string) => void;
}

/** Start one; resolves when all its processes serve. */
export async function startWorkers(
  task: WorkerTask,
  { count = TEST_WORKERS, write = () => {} }: WorkersPorts = {},
): Promise<StartedWorkers> {
  const file = await Deno.makeTempFile();
  await Deno.writeFile(file, Buffer.from(serialize(task)));
  const entry = new URL("worker_entry.ts", import.meta.url).pathname;
  const args = ["run", "--no-check", "--quiet", "--frozen", "--allow-all", entry, file];
  const router = await openSupervisor(task.config, count, {
    clock: systemClock(),
    random: systemRandom(),
    log: silentLogger(),
    start: processStarter({ program: Deno.execPath(), args }),
    write,
    files: [],
  }, new AbortController().signal);
  const { app, holdings } = facade(task, router, file);
  return {
    app,
    admissions: () => holdings().map(({ admission }) => admission),
    views: () => viewsOf(router),
    tell(change) {
      for (const worker of router.workers) worker.call(SOURCE_CALL, encodeJson(change))?.end();
    },
    kill(number) {
      const all = router.workers.every(({ state }) => state === "serving");
      if (all) router.workers[number - 1]?.kill();
      return all;
    },
  };
}

async function viewsOf({ workers }: OpenSupervisor): Promise<readonly EngineRows[]> {
  const all = await Promise.all(workers.map(async (worker) => {
    const call = worker.call(OWN_CALL, encodeUtf8("engines"));
    const told = call && await takeTold(call, { clock: systemClock(), limitMs: VIEW_MS });
    return told === undefined ? [] : [decodeJson<EngineRows>(told.body)];
  }));
  return all.flat();
}

function facade(
  { config }: WorkerTask,
  router: OpenSupervisor,
  file: string,
): { readonly app: App; readonly holdings: () => readonly Holdings[] } {
  const closed = Promise.withResolvers<void>();
  let held = new Map<number, Holdings>();
  const over = new AbortController();
  const asking = (async () => {
    while (!over.signal.aborted) {
      held = await holdingsOf(router);
      await sleep(systemClock(), ASK_MS, over.signal);
    }
  })();
  const { first: { address, admin }, notifications } = router;
  const app: App = {
    address,
    admin,
    notifications,
    probed: Promise.resolve(),
    engines: () => config.engines,
    proof: () => undefined,
    config: () => config,
    reload: () => Promise.reject(new RouterError("internal", "Nothing to be read again")),
    // As it was a moment ago: whoever waits for something asks again.
    stats: () => total([...held.values()].map(({ stats }) => stats)),
    admission: () => total([...held.values()].map(({ admission }) => admission)),
    retire: () => {},
    drain: (timeoutMs) => router.stop(`${timeoutMs}`),
    closed: closed.promise,
    async [Symbol.asyncDispose]() {
      if (over.signal.aborted) return;
      over.abort();
      await router[Symbol.asyncDispose]();
      await asking;
      await Deno.remove(file);
      closed.resolve();
    },
  };
  return { app, holdings: () => [...held.values()] };
}

async function holdingsOf({ workers }: OpenSupervisor): Promise<Map<number, Holdings>> {
  const held = await Promise.all(workers.map(async (worker) => {
    const call = worker.call(HOLDINGS_CALL, new Uint8Array(0));
    if (call === undefined) return [];
    call.end();
    const head = await call.head.catch(() => undefined);
    return head === undefined ? [] : [[worker.number, decodeJson<Holdings>(head)] as const];
  }));
  return new Map(held.flat());
}

/** Sums, field by field. */
function total<T extends object>(all: readonly T[]): T {
  const sums: Record<string, number> = {};
  for (const each of all) {
    for (const [name, value] of Object.entries(each)) sums[name] = (sums[name] ?? 0) + value;
  }
  return sums as T;
}
