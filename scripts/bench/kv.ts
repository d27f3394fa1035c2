/**
 * `deno task bench:kv [--quick]`: what a lookup of a prompt of 100,000 tokens in the index of cached
 * blocks costs, its ids being at hand, by who has what of it. One run, on this machine.
 * @module
 */
import process from "node:process";
import { encodeUtf8 } from "../../lib/base/mod.ts";
import { KV_CASES, kvBench, kvLookup } from "./kv_cases.ts";
import { figure, tableText } from "./table.ts";
import { timeCalls, type TimingOptions } from "./timing.ts";

const FULL: TimingOptions = { rounds: 31, roundMs: 10, now: cpuMs };
const QUICK: TimingOptions = { ...FULL, rounds: 3 };

/** CPU time of this process, in milliseconds: what others do on the machine's cores is not in it. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

function print(text: string): void {
  const bytes = encodeUtf8(`${text}\n`);
  for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
}

const quick = Deno.args.includes("--quick");
if (Deno.args.length > (quick ? 1 : 0)) {
  print("Usage: deno task bench:kv [--quick]");
  Deno.exit(2);
}
const options = quick ? QUICK : FULL;
const micros = timeCalls(KV_CASES.map((one) => kvLookup(kvBench(one))), options);
print(`${Deno.build.target}, Deno ${Deno.version.deno}; medians of ${options.rounds} rounds\n`);
print(tableText([
  { title: "us per lookup", text: ({ name }) => name },
  { title: "engines", text: ({ engines }) => String(engines) },
  { title: "us", text: ({ us }) => figure(us, 1) },
], KV_CASES.map((one, at) => ({ ...one, us: micros[at] ?? NaN }))));
