/**
 * `deno task bench:selection [--quick]`: what a choice of engines costs, by policy and by size of the
 * fleet, what the index of prompts costs and weighs, and what the hash ring costs when engines come and
 * go. One run, on this machine.
 * @module
 */
import process from "node:process";
import { encodeUtf8 } from "../../lib/base/mod.ts";
import { CHOICES, RING, type SelectionCase } from "./selection_cases.ts";
import { PREFIXES, weigh } from "./prefix_cases.ts";
import { figure, tableText } from "./table.ts";
import { timeCalls, type TimingOptions } from "./timing.ts";

/** Engines in all, half of them prefill engines. */
const SIZES = [2, 64, 1_024] as const;

const FULL: TimingOptions = { rounds: 15, roundMs: 4, now: cpuMs };
const QUICK: TimingOptions = { ...FULL, rounds: 3 };

/** A case with the microseconds it takes, by size. */
interface Row {
  readonly name: string;
  readonly micros: readonly number[];
}

/** CPU time of this process, in milliseconds: what others do on the machine's cores is not in it. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

function print(text: string): void {
  const bytes = encodeUtf8(`${text}\n`);
  for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
}

function measure({ name, timed }: SelectionCase, options: TimingOptions): Row {
  return { name, micros: timeCalls(SIZES.map(timed), options) };
}

function report(title: string, rows: readonly Row[]): string {
  const [, ...larger] = SIZES.keys();
  return tableText<Row>([
    { title, text: ({ name }) => name },
    ...[...SIZES.entries()].map(([index, size]) => ({
      title: `${size} engines`,
      text: ({ micros }: Row) => figure(micros[index] ?? NaN, 2),
    })),
    ...larger.map((index) => ({
      title: `${SIZES[index]} to ${SIZES[0]}`,
      text: ({ micros }: Row) => figure((micros[index] ?? NaN) / (micros[0] ?? NaN), 1),
    })),
  ], rows);
}

const quick = Deno.args.includes("--quick");
if (Deno.args.length > (quick ? 1 : 0)) {
  print("Usage: deno task bench:selection [--quick]");
  Deno.exit(2);
}
const options = quick ? QUICK : FULL;
print(`${Deno.build.target}, Deno ${Deno.version.deno}; medians of ${options.rounds} rounds\n`);
print(report("us per choice", CHOICES.map((one) => measure(one, options))));
print(`\n${report("us for the index of prompts", PREFIXES.map((one) => measure(one, options)))}`);
print(`\n${report("us per change", RING.map((one) => measure(one, options)))}`);

/** Size of the index that is weighed, in MiB. */
const WEIGHED = 64;
const MIB = 1024 * 1024;
/** Prompts of so many chunks. */
const LENGTHS = [1, 32, 1_024] as const;

const { gc } = globalThis as { readonly gc?: () => void };
const heap = (): number => {
  // What the first frees, only the second takes out of the count.
  for (let round = 0; round < 2; round++) gc?.();
  const { heapUsed, external } = Deno.memoryUsage();
  return heapUsed + external;
};
const weights = LENGTHS.map((chunks) => ({ chunks, ...weigh(WEIGHED * MIB, chunks, heap) }));
print(
  `\n${
    tableText([
      { title: `index of ${WEIGHED} MiB`, text: ({ chunks }) => `prompts of ${chunks} chunks` },
      { title: "MiB, as it says", text: ({ said }) => figure(said / MIB, 1) },
      { title: "MiB, as the heap grew", text: ({ grown }) => figure(grown / MIB, 1) },
    ], weights)
  }`,
);
