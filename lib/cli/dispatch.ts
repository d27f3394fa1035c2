/** Which command an argument list is for, and its running. @module */
import { startApp } from "../app.ts";
import type { Logger } from "../base/mod.ts";
import { FLAGS, type Setting, withSuggestion } from "../config/mod.ts";
import { parseArgv, type ParsedArgv } from "./argv.ts";
import { checkReport } from "./check.ts";
import { runExplain } from "./explain.ts";
import { routerHelp } from "./help.ts";
import { runHelp } from "./help_topics.ts";
import { loadConfig } from "./load.ts";
import type { CliPorts } from "./ports.ts";
import { openLogger, refuse } from "./report.ts";
import { serve } from "./serve.ts";
import { VERSION_LINE } from "./version.ts";

const COMMANDS = ["check", "demo", "explain", "help", "sim"] as const;

/** Run the command that `argv` names, or serve; resolves to the exit code. */
export async function dispatch(argv: readonly string[], ports: CliPorts): Promise<number> {
  const [first = "", ...rest] = argv;
  if (first === "" || first.startsWith("-")) return await runRouter(argv, ports);
  const command = COMMANDS.find((name) => name === first);
  switch (command) {
    case "check":
      return await runCheck(rest, ports);
    // The simulator needs the native ZeroMQ addon: a router starts without it.
    case "demo":
      return await (await import("./demo.ts")).runDemo(rest, ports);
    case "sim":
      return await (await import("./sim.ts")).runSim(rest, ports);
    case "explain":
      return await runExplain(rest, ports);
    case "help":
      return await runHelp(rest, ports);
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
  const result = loadConfig(parsed, ports);
  if (!result.ok) return await refuse(result.problems, ports);
  using signals = ports.signals();
  const log = openLogger(ports, result.config.log);
  noteIdle(result.settings, log);
  return await serve(result.config, {
    clock: ports.clock,
    random: ports.random,
    log,
    signals,
    start: startApp,
    complain: (line) => ports.stdio.err.write(line),
  });
}

/** Whoever gives a flag that does nothing should not have to find out. */
function noteIdle(settings: readonly Setting[], log: Logger): void {
  const idle = settings.filter(({ flag, source }) =>
    flag.status === "without-effect" && source !== "default"
  );
  if (idle.length === 0) return;
  const names = idle.map(({ flag }) => `--${flag.name}`).join(", ");
  log.warning(`Without effect in this version: ${names}`);
}

async function runCheck(argv: readonly string[], ports: CliPorts): Promise<number> {
  const parsed = parseArgv(FLAGS, argv);
  if (parsed.help || parsed.version) return await printGeneral(parsed, ports);
  const result = loadConfig(parsed, ports);
  await ports.stdio.out.print(checkReport(result, ports.env));
  return result.ok ? 0 : 1;
}

async function printGeneral(parsed: ParsedArgv, ports: CliPorts): Promise<number> {
  await ports.stdio.out.print(parsed.help ? routerHelp() : VERSION_LINE);
  return 0;
}
