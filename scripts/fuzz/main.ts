/**
 * `deno task fuzz [--target NAME] [--minutes N] [--seed N]`: tries inputs made by chance until the
 * time is over, and tells what should not have happened. The same seed makes the same inputs.
 * @module
 */
import { encodeUtf8, seededRandom } from "../../lib/base/mod.ts";
import type { Finding, FuzzTarget } from "./target.ts";
import { TARGETS } from "./targets.ts";

/** Findings after which a target is given up: more of them say no more. */
const MAX_FINDINGS = 20;

const print = (text: string): void => {
  const bytes = encodeUtf8(`${text}\n`);
  for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
};

const names = TARGETS.map(({ name }) => name);
const usage = `Usage: deno task fuzz [--target ${names.join("|")}] [--minutes N] [--seed N]`;

interface Options {
  readonly targets: readonly FuzzTarget[];
  readonly minutes: number;
  readonly seed: number;
}

function readOptions(args: readonly string[]): Options | undefined {
  const options = { targets: TARGETS, minutes: 5, seed: Date.now() % 1_000_000 };
  for (let index = 0; index < args.length; index += 2) {
    const [flag, value = ""] = [args[index], args[index + 1]];
    if (flag === "--target") options.targets = TARGETS.filter(({ name }) => name === value);
    else if (flag === "--minutes") options.minutes = Number(value || NaN);
    else if (flag === "--seed") options.seed = Number(value || NaN);
    else return undefined;
  }
  const { targets, minutes, seed } = options;
  return targets.length > 0 && minutes > 0 && Number.isInteger(seed) ? options : undefined;
}

/** Fuzz one target; how much was found. */
async function fuzz(target: FuzzTarget, { minutes, seed }: Options): Promise<number> {
  print(`${target.name}: ${target.about}; seed ${seed}, ${minutes} min`);
  const random = seededRandom(seed);
  const endsAt = performance.now() + minutes * 60_000;
  await using run = await target.start();
  let found = 0;
  while (performance.now() < endsAt && found < MAX_FINDINGS) {
    const findings = await run.step(random);
    for (const finding of findings) print(tell(finding));
    found += findings.length;
  }
  print(`${target.name}: ${run.inputs} inputs, ${found} findings`);
  return found;
}

function tell({ what, input }: Finding): string {
  return `${what}\n  ${input}`;
}

const options = readOptions(Deno.args);
if (options === undefined) {
  print(usage);
  Deno.exit(2);
}
let found = 0;
for (const target of options.targets) {
  found += await fuzz(target, { ...options, minutes: options.minutes / options.targets.length });
}
Deno.exit(found > 0 ? 1 : 0);
