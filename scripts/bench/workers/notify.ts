/** What it costs a notification to come by a supervisor, and not to the router's own socket. @module */
import { silentLogger, systemClock, systemRandom } from "../../../lib/base/mod.ts";
import { openSupervisor, processStarter, type SupervisorConfig } from "../../../lib/workers/mod.ts";
import { quantile } from "../figures.ts";
import { readProcessStat } from "../process_stat.ts";

/** How notifications are sent. */
export interface NotifyCase {
  /** 0: to the socket of a router of one process. */
  readonly workers: number;
  readonly engines: number;
  /** Of all engines together, in a second. */
  readonly rate: number;
  readonly seconds: number;
}

/** What was seen. Microseconds. */
export interface NotifyResult {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  /** CPU time of whoever has the socket, for each notification. */
  readonly cpu: number;
}

const SINK = new URL("notify_sink.ts", import.meta.url).pathname;
const SENDER = new URL("notify_sender.ts", import.meta.url).pathname;
const RUN = ["run", "--frozen", "--no-check", "--quiet", "--allow-all"];

/** Send and measure. */
export async function measureNotify(ask: NotifyCase): Promise<NotifyResult> {
  return ask.workers === 0 ? await direct(ask) : await supervised(ask);
}

async function direct(ask: NotifyCase): Promise<NotifyResult> {
  const port = freePort();
  const child = new Deno.Command(Deno.execPath(), {
    args: [...RUN, SINK, `${port}`],
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  await until(port);
  const before = readProcessStat(child.pid).cpuSeconds;
  await send(port, ask, ["1.1"]);
  const cpuSeconds = readProcessStat(child.pid).cpuSeconds - before;
  child.kill("SIGTERM");
  const told = JSON.parse(await new Response(child.stderr).text());
  await child.status;
  return resultOf(told.took, cpuSeconds);
}

/** This process is the supervisor. */
async function supervised(ask: NotifyCase): Promise<NotifyResult> {
  const folder = await Deno.makeTempDir();
  const port = freePort();
  const script = `exec ${Deno.execPath()} ${RUN.join(" ")} ${SINK} 2>${folder}/$$`;
  const router = await openSupervisor(configOf(port), ask.workers, {
    clock: systemClock(),
    random: systemRandom(),
    log: silentLogger(),
    start: processStarter({ program: "/bin/sh", args: ["-c", script] }),
    write: () => {},
    files: [],
  }, new AbortController().signal);
  const before = readProcessStat(Deno.pid).cpuSeconds;
  const tags = Array.from({ length: ask.workers }, (_, index) => `${index + 1}.1`);
  await send(port, ask, tags);
  const cpuSeconds = readProcessStat(Deno.pid).cpuSeconds - before;
  await router.stop("over");
  await router[Symbol.asyncDispose]();
  const took: number[] = [];
  for await (const { name } of Deno.readDir(folder)) {
    took.push(...JSON.parse(await Deno.readTextFile(`${folder}/${name}`)).took);
  }
  await Deno.remove(folder, { recursive: true });
  return resultOf(took, cpuSeconds);
}

async function send(port: number, ask: NotifyCase, tags: readonly string[]): Promise<void> {
  const figures = [port, ask.engines, ask.rate, ask.seconds].map(String);
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: [...RUN, SENDER, ...figures, ...tags],
    stdin: "null",
    stdout: "null",
    stderr: "inherit",
  }).output();
  if (!success) throw new Error("Cannot send notifications");
  await settle(500);
}

function resultOf(took: readonly number[], cpuSeconds: number): NotifyResult {
  return {
    count: took.length,
    p50: quantile(took, 0.5),
    p99: quantile(took, 0.99),
    cpu: cpuSeconds * 1e6 / Math.max(1, took.length),
  };
}

function configOf(port: number): SupervisorConfig {
  return {
    listen: { host: "127.0.0.1", port: 0 },
    handoff: {
      kind: "lmcache",
      proxy: { host: "127.0.0.1", port },
      proxySocket: "builtin",
      kvReadyTimeoutMs: 10_000,
      kvTimeoutPolicy: "retry",
      keys: "own",
      finishedReqTtlMs: 120_000,
      cleanupIntervalMs: 60_000,
    },
    doors: { notifications: { allow: [], maxPerAddress: Infinity } },
    descriptors: { limit: undefined, clients: 1, notifications: 16_384, reserve: 0 },
    drainTimeoutMs: 10_000,
    lifecycle: { drainDelayMs: 0, warmUp: false },
  };
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** Resolves when somebody listens on `port`. */
async function until(port: number): Promise<void> {
  for (let tries = 0; tries < 1_500; tries++) {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      return;
    } catch (error) {
      if (!(error instanceof Deno.errors.ConnectionRefused)) throw error;
    }
    await settle(20);
  }
  throw new Error(`Cannot reach the socket on ${port}`);
}

function settle(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
