/** What the checks work with: a collector that runs, and the program before engines. @module */
import { seededRandom, silentLogger, systemClock } from "../../../lib/base/mod.ts";
import { type SimEngine, startSimEngine } from "../../../lib/sim/mod.ts";
import { freePorts } from "../../bench/child.ts";
import type { Checks } from "../check.ts";
import { type Processes, run, type Running, until } from "../process.ts";
import type { CollectorPorts } from "./collector.ts";
import { type SeenSpan, spansIn } from "./seen.ts";

const START = new URL("../../start.sh", import.meta.url).pathname;
const START_MS = 60_000;
const TAKEN_MS = 30_000;
const ANSWER_MS = 120_000;

/** The simulated engines' model. */
export const MODEL = "sim-model";

/** What there is. */
export interface OtelScene {
  readonly checks: Checks;
  readonly processes: Processes;
  /** Folder of files and logs of this run. */
  readonly folder: string;
  /** Folder of the engines' own environment. */
  readonly engineCache: string;
  readonly ports: CollectorPorts;
  /** The certificate of the collector's authority. */
  readonly caFile: string;
  readonly collector: CollectorHold;
  readonly print: (line: string) => void;
}

/** The collector, which can be stopped and started. */
export interface CollectorHold {
  readonly file: string;
  stop(): Promise<void>;
  start(): Promise<void>;
}

/** A program that serves. */
export interface Program {
  readonly url: string;
  readonly process: Running;
  /** The value of one series of its metrics. */
  metric(series: string): Promise<number>;
}

/**
 * Start the program by its own launcher, permitted to reach no address but those that it says itself that
 * it needs.
 */
export async function startProgram(
  { processes, folder }: Pick<OtelScene, "processes" | "folder">,
  name: string,
  flags: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Program> {
  const [port = 0] = freePorts(1);
  const args = ["--host", "127.0.0.1", "--port", String(port), ...flags];
  const said = await run("sh", [START, "check", "--permissions", ...args], env);
  const net = /^--allow-net=(.+)$/m.exec(said)?.[1];
  if (net === undefined) throw new Error(`The program names no addresses: ${said}`);
  const process = processes.start({
    name,
    // Its parent is this Deno, by which the launcher finds the program's.
    command: "sh",
    args: [START, ...args],
    env: { ...env, PD_ROUTER_ALLOW_NET: net },
    log: `${folder}/${name}.log`,
  });
  const url = `http://127.0.0.1:${port}`;
  await process.serving(`${url}/ready`, START_MS);
  return {
    url,
    process,
    async metric(series) {
      const lines = (await (await fetch(`${url}/metrics`)).text()).split("\n");
      return Number(lines.find((line) => line.startsWith(`${series} `))?.split(" ").at(-1) ?? 0);
    },
  };
}

/** A prefill and a decode engine over LMCache, and the program before them. */
export interface Pair extends AsyncDisposable {
  readonly prefill: SimEngine;
  readonly decode: SimEngine;
  readonly program: Program;
}

/** Start them, the program with `flags`. */
export async function startPair(
  scene: OtelScene,
  name: string,
  flags: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Pair> {
  await using stack = new AsyncDisposableStack();
  const [proxyPort = 0] = freePorts(1);
  const ports = { clock: systemClock(), random: seededRandom(1), log: silentLogger() };
  const common = { models: [MODEL], ranks: 2, ttftMs: 20, itlMs: 5 } as const;
  const decode = stack.use(await startSimEngine({ ...common, role: "decode" }, ports));
  const prefill = stack.use(
    await startSimEngine({ ...common, role: "prefill", proxyHost: "127.0.0.1", proxyPort }, ports),
  );
  const { initPorts, allocPorts } = decode;
  const program = await startProgram(scene, name, [
    ...["--prefill", prefill.url],
    ...["--decode", `${decode.url};init=${initPorts.join()};alloc=${allocPorts.join()}`],
    ...["--nixl-proxy-host", "127.0.0.1", "--nixl-proxy-port", String(proxyPort)],
    ...flags,
  ], env);
  stack.defer(() => program.process.stop());
  const parts = stack.move();
  return { prefill, decode, program, [Symbol.asyncDispose]: () => parts.disposeAsync() };
}

/** All spans that the collector has taken so far. */
export async function taken({ collector }: Pick<OtelScene, "collector">): Promise<
  readonly SeenSpan[]
> {
  return spansIn(await Deno.readTextFile(collector.file));
}

/** The spans of `traceId`, as soon as there are so many; throws where they do not come. */
export async function spansOf(
  scene: Pick<OtelScene, "collector">,
  traceId: string,
  count: number,
): Promise<readonly SeenSpan[]> {
  let found: readonly SeenSpan[] = [];
  const came = await until(async () => {
    found = (await taken(scene)).filter((span) => span.traceId === traceId);
    return found.length >= count;
  }, TAKEN_MS);
  if (came) return found;
  throw new Error(`${found.length} of ${count} spans came: ${found.map(({ name }) => name)}`);
}

/** Ids that a client would have made. */
export function clientTrace(): {
  readonly traceId: string;
  readonly spanId: string;
  readonly headers: Readonly<Record<string, string>>;
} {
  const traceId = crypto.randomUUID().replaceAll("-", "");
  const spanId = crypto.randomUUID().replaceAll("-", "").slice(-16);
  return {
    traceId,
    spanId,
    headers: { traceparent: `00-${traceId}-${spanId}-01`, tracestate: "client=1" },
  };
}

/** POST `body`, on a connection of its own; rejects when no answer begins or ends in time. */
export async function post(
  url: string,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<{ readonly status: number; readonly text: string }> {
  using client = Deno.createHttpClient({ poolMaxIdlePerHost: 0 });
  const answer = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(ANSWER_MS),
    client,
  });
  return { status: answer.status, text: await answer.text() };
}
