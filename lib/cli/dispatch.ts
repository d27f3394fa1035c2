/** Which command an argument list is for, and its running. @module */
import { startApp } from "../app.ts";
import { warmingUp } from "../app_warm_up.ts";
import { type Logger, type LoggerOptions, RouterError } from "../base/mod.ts";
import type { Cluster } from "../cluster/mod.ts";
import {
  FLAGS,
  isDefault,
  reasonOf,
  type RouterConfig,
  type Setting,
  withSuggestion,
  WORKER_VARIABLE,
} from "../config/mod.ts";
import { type AccessLines, openAccessLines } from "./access_file.ts";
import { parseArgv, type ParsedArgv } from "./argv.ts";
import { checkReport } from "./check.ts";
import { runCompletions } from "./completions.ts";
import { runConfig } from "./config_init.ts";
import { firstRead, type OpenedOrigin, openOrigin, passingTexts } from "./config_origin.ts";
import { runDoctor } from "./doctor.ts";
import { runEngines } from "./engines.ts";
import { runExplain } from "./explain.ts";
import { routerHelp } from "./help.ts";
import { Hangups } from "./hangups.ts";
import { processMemory, systemFigures } from "./host_figures.ts";
import { returnMemory } from "./resting_memory.ts";
import { runHelp } from "./help_topics.ts";
import { loadConfig } from "./load.ts";
import { manPage } from "./man.ts";
import { neededPermissions } from "./permissions.ts";
import type { CliPorts } from "./ports.ts";
import { openLogger, refuse } from "./report.ts";
import { serve } from "./serve.ts";
import type { NotedSignal } from "./signals.ts";
import { runTop } from "./top.ts";
import { runTrace } from "./trace.ts";
import { VERSION_LINE } from "./version.ts";

/** Of `check`: print these alone, for a program that starts the router. */
const PERMISSIONS = "--permissions";

/** Exit code where a module of the operator's cannot be used. */
const UNUSABLE = 2;

const COMMANDS = [
  "check",
  "completions",
  "config",
  "demo",
  "doctor",
  "engines",
  "explain",
  "help",
  "man",
  "sim",
  "top",
  "trace",
] as const;

/** Run the command that `argv` names, or serve; resolves to the exit code. */
export async function dispatch(argv: readonly string[], ports: CliPorts): Promise<number> {
  const [first = "", ...rest] = argv;
  if (first === "" || first.startsWith("-")) return await runRouter(argv, ports);
  const command = COMMANDS.find((name) => name === first);
  switch (command) {
    case "check":
      return await runCheck(rest, ports);
    case "completions":
      return await runCompletions(rest, ports);
    case "config":
      return await runConfig(rest, ports);
    case "man":
      await ports.stdio.out.print(manPage());
      return 0;
    // The simulator needs the native ZeroMQ addon: a router starts without it.
    case "demo":
      return await (await import("./demo.ts")).runDemo(rest, ports);
    case "doctor":
      return await runDoctor(rest, ports);
    case "sim":
      return await (await import("./sim.ts")).runSim(rest, ports);
    case "engines":
      return await runEngines(rest, ports);
    case "explain":
      return await runExplain(rest, ports);
    case "help":
      return await runHelp(rest, ports);
    case "top":
      return await runTop(rest, ports);
    case "trace":
      return await runTrace(rest, ports);
    case undefined: {
      const message = withSuggestion("unknown command", first, COMMANDS);
      return await refuse([{ key: first, message }], ports);
    }
    default:
      return command satisfies never;
  }
}

async function runRouter(argv: readonly string[], ports: CliPorts): Promise<number> {
  const parsed = parseArgv(FLAGS, argv);
  if (parsed.help || parsed.version) return await printGeneral(parsed, ports);
  const options: { -readonly [K in keyof LoggerOptions]: LoggerOptions[K] } = {
    level: "info",
    format: "text",
  };
  // The operator's modules may not write either.
  const onTaken = (config: RouterConfig): void => {
    Object.assign(options, config.log);
    if (config.batches === undefined && config.observe.accessFile === undefined) {
      ports.forgoWriting();
    }
  };
  const log = openLogger(ports, options);
  if (ports.workers !== undefined && ports.env(WORKER_VARIABLE) !== undefined) {
    return await (await import("./worker.ts")).runWorker(parsed, ports);
  }
  const hangups = new Hangups(log);
  let access: AccessLines | undefined;
  using signals = ports.signals((signal) => {
    if (signal !== "SIGHUP") return log.warning(NOTES[signal]);
    access?.reopen();
    hangups.note();
  });
  const first = firstRead(parsed, ports);
  const { result } = first;
  if (!result.ok) return await refuse(result.problems, ports);
  const count = workersOf(result.config, ports);
  if (ports.workers !== undefined && count > 1) {
    Object.assign(options, result.config.log);
    noteIdle(result.settings, log);
    for (const note of result.notes) log.warning(note);
    const { workers: { command }, clock, random, stdio } = ports;
    const { supervise } = await import("./supervise.ts");
    await using cluster = await clusterFor(result.config, { clock, random, log });
    return await supervise(result.config, count, {
      ...{ clock, random, log, signals, cluster },
      command() {
        // With less than it was given, the system does not say how it was started.
        const found = command(argv);
        ports.forgoWriting();
        return found;
      },
      files: await passingTexts(first, ports.files),
      print: (text) => stdio.out.write(text.replace(/\n$/, "")),
      complain: (line) => stdio.err.write(line),
      serves: ({ reload }) => hangups.serves({ reload: () => Promise.resolve(reload()) }),
    });
  }
  ports.workers?.forgo();
  let opened: OpenedOrigin;
  try {
    opened = await openOrigin(parsed, ports, onTaken, first);
    if (opened.ok) access = openAccessLines(opened.origin.start.loaded.config.observe, ports, log);
  } catch (error) {
    if (!(error instanceof RouterError)) throw error;
    await ports.stdio.err.print(`pd-router: ${error.message}`);
    return UNUSABLE;
  }
  if (!opened.ok) return await refuse(opened.result.problems, ports);
  const { origin, origin: { start: { loaded: { config, settings, notes, hooks } } } } = opened;
  noteIdle(settings, log);
  for (const note of notes) log.warning(note);
  await using lines = access;
  await using cluster = await clusterFor(config, { clock: ports.clock, random: ports.random, log });
  using _memory = returnMemory(ports.clock, processMemory());
  return await serve(config, {
    clock: ports.clock,
    random: ports.random,
    log,
    host: systemFigures(),
    signals,
    start: async (config, parts) => {
      const app = await startApp(config, {
        ...parts,
        hooks,
        origin,
        warmUp: warmingUp(config, parts),
        accessLine: (line) => lines?.write(line),
        ...(cluster === undefined ? {} : (await import("../app_cluster.ts")).clusterSeat(cluster)),
      });
      hangups.serves(app);
      return app;
    },
    complain: (line) => ports.stdio.err.write(line),
  });
}

/** The cluster that this router joins; what it takes is loaded for that alone. */
async function clusterFor(
  config: RouterConfig,
  parts: Pick<CliPorts, "clock" | "random"> & { readonly log: Logger },
): Promise<Cluster | undefined> {
  if (config.cluster === undefined) return undefined;
  return await (await import("../app_cluster.ts")).openCluster(config, parts);
}

/** How many processes are to serve: one where there cannot be more. */
function workersOf({ workers = 1 }: RouterConfig, { workers: ports }: CliPorts): number {
  return workers === "auto" ? ports?.cores() ?? 1 : workers;
}

/** What is said of signals that do nothing. */
const NOTES: Readonly<Record<Exclude<NotedSignal, "SIGHUP">, string>> = {
  SIGUSR1: "SIGUSR1 is ignored",
  SIGUSR2: "SIGUSR2 is ignored",
};

/** Whoever gives a flag that does nothing should not have to find out. */
function noteIdle(settings: readonly Setting[], log: Logger): void {
  const idle = settings.filter(({ flag, source }) =>
    flag.status === "without-effect" && source !== "default"
  ).filter((setting) => !isDefault(setting));
  if (idle.length === 0) return;
  const names = (settings: readonly Setting[]): string =>
    settings.map(({ flag }) => `--${flag.name}`).join(", ");
  log.warning(`Without effect in this version: ${names(idle)}`);
  for (const [why, alike] of Map.groupBy(idle, ({ flag }) => reasonOf(flag.name) ?? "")) {
    if (why !== "") log.warning(`${names(alike)}: ${why}`);
  }
}

async function runCheck(all: readonly string[], ports: CliPorts): Promise<number> {
  const argv = all.filter((argument) => argument !== PERMISSIONS);
  const parsed = parseArgv(FLAGS, argv);
  if (parsed.help || parsed.version) return await printGeneral(parsed, ports);
  const result = loadConfig(parsed, ports);
  const text = argv.length < all.length
    ? neededPermissions(result).join("\n")
    : checkReport(result, ports.env);
  await ports.stdio.out.print(text);
  return result.ok ? 0 : 1;
}

async function printGeneral(parsed: ParsedArgv, ports: CliPorts): Promise<number> {
  await ports.stdio.out.print(parsed.help ? routerHelp() : VERSION_LINE);
  return 0;
}
