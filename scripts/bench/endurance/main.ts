/**
 * `deno task bench:endurance [--only memory|frozen] [--quick]`: whether a router's memory stays flat,
 * and what others wait while one of two prefill engines is frozen.
 * @module
 */
import { describeError, encodeUtf8 } from "../../../lib/base/mod.ts";
import { Children } from "../child.ts";
import { frozenText } from "./frozen.ts";
import { memoryText } from "./memory.ts";

/** What is measured: by name, and each prints one table. */
const SECTIONS = { memory: memoryText, frozen: frozenText } as const;
type Section = keyof typeof SECTIONS;

const NAMES = Object.keys(SECTIONS).filter(isSection);
const USAGE = `Usage: deno task bench:endurance [--quick] [--only ${NAMES.join("|")}]`;

function isSection(name: string): name is Section {
  return name in SECTIONS;
}

function print(text: string): void {
  const bytes = encodeUtf8(`${text}\n`);
  for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
}

interface Options {
  readonly quick: boolean;
  readonly sections: readonly Section[];
}

function readOptions(args: readonly string[]): Options | undefined {
  const rest = args.filter((arg) => arg !== "--quick");
  const quick = rest.length < args.length;
  if (rest.length === 0) return { quick, sections: NAMES };
  const [flag, only = ""] = rest;
  if (rest.length !== 2 || flag !== "--only" || !isSection(only)) return undefined;
  return { quick, sections: [only] };
}

async function run({ quick, sections }: Options): Promise<void> {
  await using children = new Children();
  const stop = (): void => void children[Symbol.asyncDispose]().then(() => Deno.exit(130));
  for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(signal, stop);
  for (const section of sections) print(`${await SECTIONS[section](children, quick)}\n`);
}

const options = readOptions(Deno.args);
if (options === undefined) {
  print(USAGE);
  Deno.exit(2);
}
try {
  await run(options);
} catch (error) {
  print(describeError(error));
  Deno.exitCode = 1;
}
// The signal listeners would keep the process.
Deno.exit();
