/** A program that writes far more than a pipe takes, and ends although nobody reads. @module */
import { systemClock } from "../../lib/base/mod.ts";
import { flushStdio, LineWriter } from "../../lib/cli/stdio.ts";

const clock = systemClock();
const stdio = { out: new LineWriter(Deno.stdout), err: new LineWriter(Deno.stderr) };
const line = "x".repeat(999);
let turns = 0;
const { promise, resolve } = Promise.withResolvers<void>();
function turn(): void {
  for (let count = 0; count < 1000; count++) stdio.out.write(line);
  turns++;
  if (turns < 50) clock.after(1, turn);
  else resolve();
}
turn();
await promise;
const end = await flushStdio(stdio, clock, 100);
stdio.err.write(`${turns} turns, ${end}`);
await stdio.err.flushed();
Deno.exit(0);
