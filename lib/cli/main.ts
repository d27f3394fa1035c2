/** The program: the process's own arguments, streams and signals given to a command. @module */
import process from "node:process";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import {
  type Clock,
  describeError,
  SharedTimers,
  SocketTurns,
  systemClock,
  systemRandom,
} from "../base/mod.ts";
import { dispatch } from "./dispatch.ts";
import { outliveFaults } from "./faults.ts";
import { guardInspector } from "./inspector.ts";
import { cores, ownCommand } from "./own_command.ts";
import { ownPipes } from "./own_pipes.ts";
import { type NotedSignal, noteSignals, openSignals, type Signals } from "./signals.ts";
import { flushStdio, LineWriter, streamWaits } from "./stdio.ts";
import { processTerminal } from "./terminal.ts";

/** How long the last lines may take to go out; a reader that has stalled does not keep us. */
const FLUSH_MS = 1000;

/**
 * Run the command line `argv` (without the program's name); resolves to the exit code.
 *
 * @param importUrl Imports a module by its URL: what is imported is the operator's to say.
 */
export async function main(
  argv: readonly string[],
  importUrl: (url: string) => Promise<unknown>,
): Promise<number> {
  using turns = new SocketTurns();
  const clock = systemClock(turns);
  using timers = new SharedTimers(clock);
  const waits = streamWaits(timers);
  const stdio = {
    out: new LineWriter(Deno.stdout, undefined, waits),
    err: new LineWriter(Deno.stderr, undefined, waits),
  };
  const complain = (line: string): void => stdio.err.write(line);
  const env = (name: string): string | undefined => Deno.env.get(name);
  using _faults = outliveFaults(globalThis, complain);
  try {
    return await dispatch(argv, {
      stdio,
      clock,
      random: systemRandom(),
      env,
      readFile: (path) => Deno.readTextFileSync(path),
      files: { stat: Deno.stat, read: Deno.readTextFile },
      importModule: (file, version) => {
        const url = pathToFileURL(file);
        // Under a name that was imported before, a file is not read again.
        if (version !== undefined) url.search = version;
        return importUrl(url.href);
      },
      readStdin: () => new Response(Deno.stdin.readable).text(),
      openAppend: (path) => Deno.openSync(path, { append: true, create: true }),
      terminal: processTerminal(Deno),
      ask: Deno.stdin.isTerminal() ? askOn(stdio.err) : undefined,
      forgoWriting: () => void Deno.permissions.revokeSync({ name: "write" }),
      workers: {
        command: (argv) => ownCommand(argv, env),
        pipes: ownPipes,
        forgo: () => void Deno.permissions.revokeSync({ name: "run" }),
        cores,
      },
      signals: (onNoted) => {
        const listen = (address: Deno.TcpListenOptions): Deno.Listener => Deno.listen(address);
        return processSignals(clock, onNoted, guardInspector({ clock, listen, env, complain }));
      },
    });
  } catch (error) {
    stdio.err.write(`pd-router: ${describeError(error)}`);
    return 1;
  } finally {
    await flushStdio(stdio, clock, FLUSH_MS);
  }
}

/** The process's signals; `guard` is given back with them. SIGHUP ends it where nobody notes it. */
function processSignals(
  clock: Clock,
  onNoted: ((signal: NotedSignal) => void) | undefined,
  guard: Disposable,
): Signals {
  const stop = openSignals(Deno, ["SIGINT", "SIGTERM", "SIGQUIT"], clock);
  const harmless = ["SIGUSR1", "SIGUSR2"] as const;
  const noted = onNoted === undefined
    ? noteSignals(Deno, harmless, () => {})
    : noteSignals(Deno, [...harmless, "SIGHUP"], onNoted);
  return {
    next: () => stop.next(),
    [Symbol.dispose](): void {
      for (const held of [stop, noted, guard]) held[Symbol.dispose]();
    },
  };
}

/** Questions go to `err`: what is written to standard output may be a file. */
function askOn(err: LineWriter): (question: string) => Promise<string | undefined> {
  let lines: AsyncIterator<string> | undefined;
  return async (question) => {
    await err.print(question);
    lines ??= createInterface({ input: process.stdin })[Symbol.asyncIterator]();
    const { done, value } = await lines.next();
    return done === true ? undefined : value;
  };
}
