/** What a command has to say beside its output: log lines, and why it does not run. @module */
import { createLogger, type Logger, type LoggerOptions } from "../base/mod.ts";
import { type Problem, problemText } from "../config/mod.ts";
import type { CliPorts } from "./ports.ts";
import { logSink, written } from "./stdio.ts";

/** Exit code for a command line or configuration that cannot be used, as Python's argparse has. */
const USAGE = 2;

/** Print what is wrong, and which command helps, to standard error; resolves to the exit code. */
export async function refuse(
  problems: readonly Problem[],
  ports: CliPorts,
  help = "pd-router --help",
): Promise<number> {
  const lines = problems.map((problem) => `pd-router: ${problemText(problem)}`);
  await ports.stdio.err.print([...lines, `Try: ${help}`].join("\n"));
  return USAGE;
}

/** A logger on standard output and standard error. */
export function openLogger(ports: CliPorts, options: LoggerOptions): Logger {
  const { clock, stdio } = ports;
  for (const writer of [stdio.out, stdio.err]) {
    writer.wordDrops((dropped) => {
      let line = "";
      const notice = createLogger(clock, (text) => line = text, { ...options, level: "warning" });
      notice.warning("Log lines dropped: the output was not read", { dropped });
      return line;
    });
  }
  return createLogger(clock, logSink(stdio), options, () => written(stdio));
}
