/** The program: the process's own arguments, streams and signals given to a command. @module */
import { describeError, sleep, systemClock, systemRandom } from "../base/mod.ts";
import { dispatch } from "./dispatch.ts";
import { outliveFaults } from "./faults.ts";
import { openSignals } from "./signals.ts";
import { flushStdio, type LineWaits, LineWriter } from "./stdio.ts";

/** How long the last lines may take to go out; a reader that has stalled does not keep us. */
const FLUSH_MS = 1000;

/** How long lines are gathered for one write: each costs a trip to another thread. */
const GATHER_MS = 5;

/** How long a write may take: beyond that, answers wait for lines of theirs no more. */
const PATIENCE_MS = 100;

/** Run the command line `argv` (without the program's name); resolves to the exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  const clock = systemClock();
  const waits: LineWaits = {
    gather: (hurry) => sleep(clock, GATHER_MS, hurry),
    patience: (over) => sleep(clock, PATIENCE_MS, over),
  };
  const stdio = {
    out: new LineWriter(Deno.stdout, undefined, waits),
    err: new LineWriter(Deno.stderr, undefined, waits),
  };
  using _faults = outliveFaults(globalThis, (line) => stdio.err.write(line));
  try {
    return await dispatch(argv, {
      stdio,
      clock,
      random: systemRandom(),
      env: (name) => Deno.env.get(name),
      readFile: (path) => Deno.readTextFileSync(path),
      readStdin: () => new Response(Deno.stdin.readable).text(),
      signals: () => openSignals(Deno),
    });
  } catch (error) {
    stdio.err.write(`pd-router: ${describeError(error)}`);
    return 1;
  } finally {
    await flushStdio(stdio, clock, FLUSH_MS);
  }
}
