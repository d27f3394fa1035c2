/**
 * `deno task bench:workers`: what several processes behind one port bring, and what it costs a
 * notification to come by their supervisor. About two minutes.
 * @module
 */
import { measureNotify, type NotifyCase } from "./notify.ts";
import { measureSpeed } from "./speed.ts";

const ENGINES = 1_000;
const SECONDS = 8;
const ROUNDS = 3;
const ROUND_MS = 6_000;

const print = (line: string): void => {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
};

print(
  "| notifications                   | a second | p50 us | p99 us | CPU us of the socket's process |",
);
print(
  "| ------------------------------- | -------- | ------ | ------ | ------------------------------ |",
);
for (const rate of [500, 5_000]) {
  for (const workers of [0, 2, 16]) {
    const ask: NotifyCase = { workers, engines: ENGINES, rate, seconds: SECONDS };
    const { count, p50, p99, cpu } = await measureNotify(ask);
    if (count < rate * SECONDS * 0.99) {
      throw new Error(`Cannot see ${rate * SECONDS}: ${count} came`);
    }
    const way = workers === 0 ? "own socket, one process" : `by a supervisor of ${workers}`;
    const cells = [way.padEnd(31), `${rate}`.padEnd(8), p50.toFixed(0).padEnd(6)];
    print(`| ${[...cells, p99.toFixed(0).padEnd(6), cpu.toFixed(0).padEnd(30)].join(" | ")} |`);
  }
}
const [one, two] = await measureSpeed([1, 2], ROUNDS, ROUND_MS);
if (one === undefined || two === undefined) throw new Error("Cannot measure the speed");
print("");
for (const { workers, rate, cpuMs, busiest } of [one, two]) {
  print(
    `${workers} worker(s): ${rate.toFixed(0)} requests/s, ${cpuMs.toFixed(3)} ms CPU for each, ` +
      `${(busiest * 100).toFixed(0)} % of it in one process`,
  );
}
const room = one.cpuMs / (two.cpuMs * two.busiest);
print(`${(two.rate / one.rate).toFixed(2)} times as many here, beside engine and client;`);
print(`${room.toFixed(2)} times by CPU time, where each process has a core of its own`);
