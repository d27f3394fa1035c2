/**
 * `deno task fuzz [--target NAME]... [--minutes N] [--seed N] [--case N]`: tries inputs made by chance
 * until the time is over, and tells what should not have happened. The same seed makes the same inputs.
 * @module
 */
import { encodeUtf8 } from "../../lib/base/mod.ts";
import { type FuzzOptions, readOptions } from "./options.ts";
import { HangWatch, sharedProgress } from "./progress.ts";
import { findingText, hangText, tableText, type Tally } from "./report.ts";
import { TARGETS } from "./targets.ts";
import type { Job, Told } from "./worker.ts";

/** A case that takes longer has no end, in seconds; one that is told as slow takes far less. */
const HANGS_S = 60;

const print = (text: string): void => {
  const bytes = encodeUtf8(`${text}\n`);
  for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
};

const names = TARGETS.map(({ name }) => name);
const usage = `Usage: deno task fuzz [--target NAME]... [--minutes N] [--seed N] [--case N]
Targets: ${names.join(", ")}
A case is one of the target named.`;

/** Try one target in a thread of its own, which is ended where a case has no end. */
async function fuzz(target: string, options: FuzzOptions): Promise<Tally> {
  const { seed, minutes, targets, only } = options;
  const progress = sharedProgress();
  const watch = new HangWatch(progress, HANGS_S);
  const worker = new Worker(import.meta.resolve("./worker.ts"), { type: "module" });
  const done = Promise.withResolvers<Tally>();
  worker.onmessage = ({ data }: MessageEvent<Told>): void => {
    if (data.kind === "done") done.resolve(data.tally);
    else print(findingText(target, seed, data.finding));
  };
  worker.onerror = (event): void => {
    event.preventDefault();
    done.reject(new Error(event.message));
  };
  const looking = setInterval(() => {
    const hanging = watch.look();
    if (hanging === undefined) return;
    print(hangText(target, seed, hanging, HANGS_S));
    done.resolve({ name: target, inputs: 0, findings: 1, ms: 0 });
  }, 1_000);
  const ms = minutes * 60_000 / targets.length;
  worker.postMessage({ target, seed, ms, only, progress } satisfies Job);
  try {
    return await done.promise;
  } finally {
    clearInterval(looking);
    worker.terminate();
  }
}

const options = readOptions(Deno.args, names, Date.now() % 1_000_000);
if (options === undefined) {
  print(usage);
  Deno.exit(2);
}
print(`seed ${options.seed}, ${options.minutes} min for ${options.targets.length} targets`);
const tallies: Tally[] = [];
for (const target of options.targets) tallies.push(await fuzz(target, options));
print(tableText(tallies));
Deno.exit(tallies.some(({ findings }) => findings > 0) ? 1 : 0);
