/** `pd-router doctor`: whether what the router needs is there, and what to do where it is not. @module */
import { startApp } from "../app.ts";
import type { App, AppPorts } from "../app_ports.ts";
import { openDoors } from "../app_doors.ts";
import { describeError, type Engine, RouterError, silentLogger, sleep } from "../base/mod.ts";
import {
  clusterAddress,
  FLAGS,
  type Problem,
  problemText,
  type RouterConfig,
} from "../config/mod.ts";
import {
  type AskParts,
  type CheckName,
  examine,
  type Finding,
  type MeetingPlace,
  type PairTries,
  type SocketParts,
  tryBind,
  worstOf,
} from "../doctor/mod.ts";
import { Metrics } from "../metrics/mod.ts";
import { createUpstreamClient, parseOrigin, platformDial } from "../upstream/mod.ts";
import { pullBinder } from "../zmq/mod.ts";
import { parseArgv, type ParsedArgv } from "./argv.ts";
import { paragraph } from "./columns.ts";
import { findingText, headOf, summaryText } from "./doctor_text.ts";
import { commandHelp } from "./help.ts";
import { loadConfig } from "./load.ts";
import type { CliPorts } from "./ports.ts";
import { refuse } from "./report.ts";
import { VERSION_LINE } from "./version.ts";

const OWN_FLAGS = [
  {
    name: "json",
    type: "flag",
    placeholder: "",
    text: "Print one JSON document, with every finding, instead of text",
    choices: "",
    byDefault: "",
  },
  {
    name: "no-handoffs",
    type: "flag",
    placeholder: "",
    text: "Do not try a handoff by each pair: engines get no prompt",
    choices: "",
    byDefault: "",
  },
  {
    name: "timeout",
    type: "string",
    placeholder: "SECONDS",
    text: "Longest wait for one answer of an engine, and for one connection",
    choices: "",
    byDefault: "5",
  },
  {
    name: "handoff-timeout",
    type: "string",
    placeholder: "SECONDS",
    text: "Longest wait for the handoffs of all pairs, at most 32 of which are tried",
    choices: "",
    byDefault: "120",
  },
] as const;

const NAMES: ReadonlySet<string> = new Set(OWN_FLAGS.map(({ name }) => name));

/** Help of `pd-router doctor`. */
export function doctorHelp(): string {
  const usage = "pd-router doctor [--json] [flags of pd-router]";
  return [
    commandHelp(usage, [{ title: "Doctor", flags: OWN_FLAGS }]),
    paragraph(
      "Give it the flags, the environment or the file that the router is started with. It listens " +
        "on loopback for a moment, asks the engines, and sends a prompt of 600 tokens by each pair. " +
        "Exit code: 0 when nothing has failed, 1 when something has, 2 for a wrong command line.",
    ),
  ].join("\n\n");
}

/** Run the command; resolves to the exit code, as its help tells. */
export async function runDoctor(argv: readonly string[], ports: CliPorts): Promise<number> {
  const all = parseArgv([...FLAGS, ...OWN_FLAGS], argv);
  if (all.help || all.version) {
    await ports.stdio.out.print(all.help ? doctorHelp() : VERSION_LINE);
    return 0;
  }
  const times = timesOf(all);
  if ("problems" in times) return await refuse(times.problems, ports, "pd-router help doctor");
  const teller = new Teller(ports, all.flags.has("json"));
  const result = loadConfig(routerFlags(all), ports);
  await teller.begin("configuration");
  if (!result.ok) {
    for (const problem of result.problems) await teller.tell(wrong(problem));
    return await teller.end();
  }
  const { config } = result;
  await teller.tell({
    check: "configuration",
    outcome: "ok",
    subject: "",
    said: `${config.engines.length} engines are named, handoffs: ${config.handoff.kind}`,
  });
  await look(config, { ...times, handoffs: !all.flags.has("no-handoffs") }, ports, teller);
  return await teller.end();
}

interface Times {
  readonly timeoutMs: number;
  readonly handoffMs: number;
}

/** Most seconds that may be waited for anything. */
const MAX_SECONDS = 3_600;

function timesOf({ flags }: ParsedArgv): Times | { readonly problems: readonly Problem[] } {
  const problems: Problem[] = [];
  const read = (name: string, byDefault: number): number => {
    const text = flags.get(name)?.at(-1);
    const value = text === undefined ? byDefault : Number(text);
    if (!(value > 0 && value <= MAX_SECONDS)) {
      const message = `expected seconds, more than 0 and at most ${MAX_SECONDS}`;
      problems.push({ key: `--${name}`, value: text ?? "", message });
    }
    return value * 1000;
  };
  const times = { timeoutMs: read("timeout", 5), handoffMs: read("handoff-timeout", 120) };
  return problems.length > 0 ? { problems } : times;
}

/** What is left for the router. */
function routerFlags({ flags, ...rest }: ParsedArgv): ParsedArgv {
  return { ...rest, flags: new Map([...flags].filter(([name]) => !NAMES.has(name))) };
}

function wrong(problem: Problem): Finding {
  return {
    check: "configuration",
    outcome: "failed",
    subject: "",
    said: problemText(problem),
    advice: "pd-router check prints all that is in force, and where it comes from",
  };
}

/** Prints what is found as it is found. */
class Teller {
  readonly #ports: CliPorts;
  readonly #json: boolean;
  readonly #found: Finding[] = [];

  constructor(ports: CliPorts, json: boolean) {
    this.#ports = ports;
    this.#json = json;
  }

  async begin(check: CheckName): Promise<void> {
    if (!this.#json) await this.#ports.stdio.out.print(headOf(check));
  }

  async tell(found: Finding): Promise<void> {
    this.#found.push(found);
    if (!this.#json) await this.#ports.stdio.out.print(findingText(found));
  }

  /** Resolves to the exit code. */
  async end(): Promise<number> {
    const findings = this.#found;
    const worst = worstOf(findings);
    const text = this.#json
      ? JSON.stringify({ worst, findings }, undefined, 2)
      : `\n${summaryText(findings)}`;
    await this.#ports.stdio.out.print(text);
    return worst === "failed" ? 1 : 0;
  }
}

interface Wanted extends Times {
  readonly handoffs: boolean;
}

async function look(
  config: RouterConfig,
  wanted: Wanted,
  ports: CliPorts,
  teller: Teller,
): Promise<void> {
  const { clock, random } = ports;
  const { handoff, apiKey, tlsCaFile, descriptors } = config;
  await using stack = new AsyncDisposableStack();
  const stop = new AbortController();
  stack.defer(() => stop.abort());
  const doors = stack.use(
    openDoors(config, { clock, random, log: silentLogger(), metrics: new Metrics() }),
  );
  const caCerts = tlsCaFile === undefined ? [] : [ports.readFile(tlsCaFile)];
  const upstream = stack.use(createUpstreamClient({ clock, caCerts, ...doors.upstream }));
  const ask: AskParts = {
    clock,
    upstream,
    headers: apiKey === undefined ? [] : [["authorization", `Bearer ${apiKey}`]],
    timeoutMs: wanted.timeoutMs,
    signal: stop.signal,
  };
  const dial = platformDial([]);
  const sockets: SocketParts = {
    clock,
    timeoutMs: wanted.timeoutMs,
    async connect(hostname, port, signal) {
      const host = hostname.includes(":") ? `[${hostname}]` : hostname;
      (await dial(parseOrigin(`http://${host}:${port}`), signal)).close();
    },
  };
  let trial: Promise<App> | undefined;
  const app = (free: boolean): Promise<App> =>
    trial ??= startApp(trialConfig(config, free, wanted.handoffs), trialPorts(ports)).then((app) =>
      stack.use(app)
    );
  const notifies = handoff.kind === "lmcache" ? handoff : undefined;
  const told: Promise<void>[] = [];
  await examine({
    engines: (free) => enginesOf(() => app(free), config, ports, wanted),
    handsOver: handoff.kind !== "none",
    descriptors,
    ask,
    sockets,
    notifications: notifies?.proxy,
    cluster: await meetingPlace(config, caCerts),
    tryBind: () =>
      tryBind(clock, async () => {
        const { proxy: { host, port }, proxySocket } = notifies ?? nobody();
        return await pullBinder(proxySocket)({ host, port }, { clock });
      }),
    isRunning: () => isRunning(config, ask),
    tryPairs: (free) =>
      wanted.handoffs ? pairsOf(() => app(free), free, ports, wanted) : Promise.resolve({
        kind: "not-tried",
        why: "not tried, as --no-handoffs says",
      }),
    onCheck: (check) => void told.push(teller.begin(check)),
    onFound: (found) => void told.push(teller.tell(found)),
  });
  await Promise.all(told);
}

/** Where replicas meet; what connects is loaded for that alone. */
async function meetingPlace(
  { cluster }: RouterConfig,
  caCerts: readonly string[],
): Promise<MeetingPlace | undefined> {
  if (cluster === undefined) return undefined;
  const { redisBroker } = await import("../cluster/mod.ts");
  return { at: clusterAddress(cluster), name: cluster.name, open: redisBroker(cluster, caCerts) };
}

function nobody(): never {
  throw new RouterError("internal", "Nothing notifies here");
}

/** The router of this configuration, alone on loopback: nobody is served by it. */
function trialConfig(config: RouterConfig, free: boolean, handoffs: boolean): RouterConfig {
  const { handoff, admin: _admin, batches: _batches, canary: _canary, ...rest } = config;
  const { tls: _tls, ...doors } = config.doors;
  return {
    ...rest,
    listen: { host: "127.0.0.1", port: 0 },
    doors: { ...doors, keys: { ...doors.keys, given: [] } },
    handoff: handoff.kind === "lmcache" && !free
      ? { ...handoff, proxy: { host: "127.0.0.1", port: 0 } }
      : handoff,
    ...(handoffs && free ? { canary: { intervalMs: 0 } } : {}),
  };
}

function trialPorts({ clock, random }: CliPorts): AppPorts {
  return { clock, random, log: silentLogger() };
}

/** All engines, those that are found included, when each has been asked once. */
async function enginesOf(
  app: () => Promise<App>,
  config: RouterConfig,
  { clock }: CliPorts,
  { timeoutMs }: Times,
): Promise<readonly Engine[]> {
  const { probed, engines } = await app();
  const over = new AbortController();
  await Promise.race([probed, sleep(clock, 2 * timeoutMs, over.signal)]);
  over.abort();
  // Records of the file tell what is wanted, where engines have told other models.
  const named = new Map(config.engines.map((engine) => [engine.id, engine]));
  return engines().map((engine) => named.get(engine.id) ?? engine);
}

/** Canaries of all pairs. */
async function pairsOf(
  app: () => Promise<App>,
  free: boolean,
  { clock }: CliPorts,
  { handoffMs }: Times,
): Promise<PairTries> {
  if (!free) {
    return {
      kind: "not-tried",
      why: "the port for notifications is taken, so that no handoff can be tried from here",
      advice:
        "have the router that runs try them: start it with --canary, and look at GET /engines",
    };
  }
  const { proof } = await app();
  const report = proof();
  const round = report?.firstRound?.();
  if (report === undefined || round === undefined) {
    return { kind: "not-tried", why: "no pair of engines has been found" };
  }
  const over = new AbortController();
  const end = await Promise.race([round, sleep(clock, handoffMs, over.signal)]);
  over.abort();
  const notes = report.canaries();
  return typeof end === "object"
    ? { kind: "tried", notes, pairs: end.pairs }
    : { kind: "late", notes, afterMs: handoffMs };
}

/** Whether a router answers where this one would listen. */
async function isRunning(config: RouterConfig, parts: AskParts): Promise<boolean> {
  const { host, port } = config.listen;
  const near = host === "0.0.0.0" || host === "*" || host === "::" ? "127.0.0.1" : host;
  const scheme = config.doors.tls === undefined ? "http" : "https";
  try {
    using response = await parts.upstream.send({
      method: "GET",
      url: `${scheme}://${near.includes(":") ? `[${near}]` : near}:${port}`,
      path: `${config.rootPath}/health`,
      headers: parts.headers,
      connectTimeoutMs: parts.timeoutMs,
      headTimeoutMs: parts.timeoutMs,
      idleTimeoutMs: parts.timeoutMs,
      signal: parts.signal,
    });
    return response.status === 200 || response.status === 503;
  } catch (error) {
    if (error instanceof RouterError) return false;
    throw new Error(describeError(error), { cause: error });
  }
}
