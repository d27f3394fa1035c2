/**
 * `deno task real [--cache DIR] [--only GROUP] [--save]`: the router before real engines.
 *
 * Makes a Python environment with vLLM (its CPU build), NIXL and LMCache in a cache folder, and a
 * tiny model; starts engines and routers on loopback; compares every answer with that of one engine
 * alone; prints a table; stops what it has started, also when it fails or is interrupted. `--save`
 * writes the table to `last_run.json`, from which this folder's README.md shows it.
 * @module
 */
import { describeError } from "../../lib/base/mod.ts";
import { Checks, type Row } from "./check.ts";
import { type Environment, prepareEnvironment } from "./environment.ts";
import { GROUPS, type Stage } from "./groups.ts";
import { LAST_RUN, type LastRun } from "./last_run.ts";
import { readOptions, type RealOptions } from "./options.ts";
import { Processes } from "./process.ts";

const groupNames = Object.keys(GROUPS);

const print = (text: string): void => {
  const bytes = new TextEncoder().encode(`${text}\n`);
  for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
};

/** Bytes of memory that programs can still have. */
async function freeMemory(): Promise<number> {
  const text = await Deno.readTextFile("/proc/meminfo");
  return Number(/^MemAvailable: +(\d+) kB$/m.exec(text)?.[1] ?? 0) * 1024;
}

const gib = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`;

async function real({ cache, only, save }: RealOptions): Promise<boolean> {
  const startedAt = performance.now();
  const environment = await prepareEnvironment(cache, print);
  const { folder, versions, bytes, tookMs } = environment;
  const memory = await freeMemory();
  const machine = `${navigator.hardwareConcurrency} cores, ${gib(memory)} free, no GPU used`;
  print(
    `${Object.entries(versions).map(([name, version]) => `${name} ${version}`).join(", ")}\n` +
      `in ${folder}: ${gib(bytes)} on disk, ` +
      `${tookMs === 0 ? "made before" : `made in ${(tookMs / 1000).toFixed(0)} s`}\n${machine}`,
  );
  const checks = new Checks(print);
  for (const name of only) {
    const group = GROUPS[name];
    if (group !== undefined) await runGroup(name, group, { environment, checks, memory });
  }
  const minutes = (performance.now() - startedAt) / 60_000;
  const counts = Map.groupBy(checks.rows, ({ outcome }) => outcome);
  const summary = [...counts].map(([outcome, rows]) => `${rows.length} ${outcome}`).join(", ");
  print(`\n${table(checks.rows)}\n${summary}; ${minutes.toFixed(1)} minutes in all`);
  if (save) {
    const run: LastRun = {
      date: new Date().toISOString().slice(0, 10),
      versions,
      machine,
      minutes: Math.round(minutes),
      rows: checks.rows,
    };
    await Deno.writeTextFile(LAST_RUN, `${JSON.stringify(run, undefined, 2)}\n`);
  }
  return checks.passed;
}

/** A group that cannot go on is a row too. */
async function runGroup(
  name: string,
  group: (stage: Stage) => Promise<void>,
  { environment, checks, memory }: {
    readonly environment: Environment;
    readonly checks: Checks;
    readonly memory: number;
  },
): Promise<void> {
  const logs = `${environment.folder}/logs/${name}`;
  await Deno.mkdir(logs, { recursive: true });
  await using processes = new Processes();
  const interrupted = (): void =>
    void processes[Symbol.asyncDispose]().finally(() => Deno.exit(130));
  for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(signal, interrupted);
  print(`\n${name}: starting engines, logs in ${logs}`);
  try {
    await group({ environment, checks, memory, processes, logs, print });
  } catch (error) {
    await checks.run(name, "the group as a whole", () => Promise.reject(error));
  } finally {
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      Deno.removeSignalListener(signal, interrupted);
    }
  }
}

function table(rows: readonly Row[]): string {
  const width = (key: "group" | "name"): number =>
    Math.max(0, ...rows.map((row) => row[key].length));
  return rows.map(({ group, name, outcome }) =>
    `${outcome.padEnd(6)}  ${group.padEnd(width("group"))}  ${name.padEnd(width("name"))}`.trimEnd()
  ).join("\n");
}

const home = Deno.env.get("XDG_CACHE_HOME") ?? `${Deno.env.get("HOME") ?? "/tmp"}/.cache`;
const options = readOptions(Deno.args, groupNames, `${home}/pd-router-real`);
if (typeof options === "string") {
  print(options);
  Deno.exit(2);
}
try {
  Deno.exitCode = await real(options) ? 0 : 1;
} catch (error) {
  print(describeError(error));
  Deno.exitCode = 1;
}
