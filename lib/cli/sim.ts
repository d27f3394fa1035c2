/** `pd-router sim`: one simulated engine until a signal comes. @module */
import { describeError, LOG_LEVELS, type LoggerOptions } from "../base/mod.ts";
import { findFlag, type Problem, withSuggestion } from "../config/mod.ts";
import {
  parseSimOptions,
  SIM_FLAGS,
  type SimEngine,
  type SimOptions,
  SimOptionsError,
  startSimEngine,
} from "../sim/mod.ts";
import { parseArgv, type ParsedArgv } from "./argv.ts";
import { commandHelp, type HelpFlag } from "./help.ts";
import { INTERRUPTED, settled } from "./ending.ts";
import type { CliPorts } from "./ports.ts";
import { openLogger, refuse } from "./report.ts";
import { VERSION_LINE } from "./version.ts";

/** Flags beside the engine's own, with the meaning they have for the router. */
const LOG_FLAGS = ["log-level", "log-format"] as const;

const KNOWN = [...SIM_FLAGS, ...LOG_FLAGS.map((name) => ({ name, type: "string" }))];

const PLACEHOLDERS = { string: "TEXT", int: "INT", float: "NUMBER", flag: "" } as const;

/** Longest wait for the engine to stop. */
const STOP_MS = 2000;

/** Help of `pd-router sim`. */
export function simHelp(): string {
  const own = SIM_FLAGS.map(({ name, type, help, choices, default: byDefault }): HelpFlag => ({
    name,
    placeholder: choices === undefined ? PLACEHOLDERS[type] : "NAME",
    text: help,
    choices: choices?.join(", ") ?? "",
    byDefault: type === "flag" || byDefault === undefined ? "" : String(byDefault),
  }));
  const log = LOG_FLAGS.map((name): HelpFlag => ({
    name,
    placeholder: "NAME",
    text: findFlag(name)?.help ?? "",
    choices: findFlag(name)?.choices?.join(", ") ?? "",
    byDefault: String(findFlag(name)?.default ?? ""),
  }));
  return commandHelp("pd-router sim [flags]", [
    { title: "Engine", flags: own },
    { title: "Logging", flags: log },
  ]);
}

/** Run one simulated engine; resolves to the exit code when a signal has come. */
export async function runSim(argv: readonly string[], ports: CliPorts): Promise<number> {
  const parsed = parseArgv(KNOWN, argv);
  if (parsed.help || parsed.version) {
    await ports.stdio.out.print(parsed.help ? simHelp() : VERSION_LINE);
    return 0;
  }
  const read = readOptions(parsed);
  if (!read.ok) return await refuse(read.problems, ports);
  const { clock, random, stdio } = ports;
  const log = openLogger(ports, read.log);
  using signals = ports.signals();
  let engine: SimEngine;
  try {
    engine = await startSimEngine(read.options, { clock, random, log });
  } catch (error) {
    await stdio.err.print(`pd-router: Cannot start the engine: ${describeError(error)}`);
    return 1;
  }
  await stdio.out.print(startLine(read.options.role, engine, read.log.format));
  await signals.next();
  const stopped = settled(engine.stop(), clock, STOP_MS).then(({ error }) => {
    if (error === undefined) return 0;
    stdio.err.write(`pd-router: Error while stopping: ${describeError(error)}`);
    return 1;
  });
  return await Promise.race([stopped, signals.next().then(() => INTERRUPTED)]);
}

type Read =
  | { readonly ok: true; readonly options: SimOptions; readonly log: LoggerOptions }
  | { readonly ok: false; readonly problems: readonly Problem[] };

function readOptions({ flags, problems: before }: ParsedArgv): Read {
  const problems = [...before];
  const raw: Record<string, unknown> = {};
  const names = KNOWN.map(({ name }) => name);
  for (const [name, values] of flags) {
    const flag = SIM_FLAGS.find((candidate) => candidate.name === name);
    if (flag !== undefined) raw[name] = flag.repeatable ? values : values.at(-1);
    else if (!names.includes(name)) {
      const message = withSuggestion("unknown flag", name, names, "--");
      problems.push({ key: `--${name}`, message });
    }
  }
  const choice = <T extends string>(name: string, choices: readonly T[], byDefault: T): T => {
    const given = flags.get(name)?.at(-1);
    const found = choices.find((known) => known === given);
    if (given !== undefined && found === undefined) {
      const message = withSuggestion(`expected one of ${choices.join(", ")}`, given, choices);
      problems.push({ key: `--${name}`, value: given, message });
    }
    return found ?? byDefault;
  };
  const level = choice("log-level", LOG_LEVELS, "info");
  const format = choice("log-format", ["text", "json"] as const, "text");
  try {
    const options = parseSimOptions(raw);
    if (problems.length === 0) return { ok: true, options, log: { level, format } };
  } catch (error) {
    if (!(error instanceof SimOptionsError)) throw error;
    problems.push(...error.problems.map(asProblem));
  }
  return { ok: false, problems };
}

/** The engine's problems begin with the flags' names, where they are about some. */
function asProblem(text: string): Problem {
  const [, names, message] = /^([a-z-]+(?:, [a-z-]+)*): (.*)$/s.exec(text) ?? [];
  if (names === undefined || message === undefined) return { key: "sim", message: text };
  return { key: names.split(", ").map((name) => `--${name}`).join(", "), message };
}

/** Where the engine listens, for a reader or for a script. */
function startLine(role: string, engine: SimEngine, format: "text" | "json"): string {
  const { url, initPorts, allocPorts } = engine;
  if (format === "json") {
    return JSON.stringify({ role, url, init_ports: initPorts, alloc_ports: allocPorts });
  }
  const ports = initPorts.length === 0
    ? ""
    : `, init ${initPorts.join(",")}, alloc ${allocPorts.join(",")}`;
  return `Simulated ${role} engine on ${url}${ports}`;
}
