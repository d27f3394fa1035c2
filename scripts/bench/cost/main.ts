/**
 * `deno task bench`: what pd-router costs, beside the engine itself, nginx and other routers, in one
 * run on this machine. The engine and the load client are C programs of one thread each; the router
 * has a core to itself, as far as there are two.
 * @module
 */
import { describeError, encodeUtf8 } from "../../../lib/base/mod.ts";
import { Children } from "../child.ts";
import { benchOf, FULL, QUICK, type Section } from "./bench.ts";
import { largeEvent } from "./event.ts";
import { growth } from "./growth.ts";
import { addedLatency, bodies, handoffs, requests, streams } from "./loads.ts";
import { machineText } from "./machine.ts";
import { memory } from "./memory.ts";
import { nginxVersion, nginxWay } from "./nginx.ts";
import { type Options, readOptions, type SectionName, USAGE } from "./options.ts";
import { installPeer, PEERS } from "./peers.ts";
import { type Table, tableAsText } from "./rows.ts";
import type { Run } from "./run.ts";
import { start } from "./start.ts";
import { buildTools } from "./tools.ts";
import { ENGINE, OWN_TREE, pdRouterWay, type Way } from "./ways.ts";

const SECTIONS: Readonly<Record<SectionName, Section>> = {
  requests,
  added: addedLatency,
  streams,
  bodies,
  handoffs,
  event: largeEvent,
  memory,
  start,
  growth,
};

/** The ways that can be measured here, and the versions of their programs. */
interface Found {
  readonly ways: readonly Way[];
  readonly versions: Readonly<Record<string, string>>;
}

async function findWays({ peers, routes, program }: Options, folder: string): Promise<Found> {
  const proxies: Way[] = [];
  const versions: Record<string, string> = { Deno: Deno.version.deno };
  const nginx = await nginxVersion();
  versions["nginx"] = nginx ?? "not installed";
  if (nginx !== undefined) proxies.push(nginxWay(folder));
  for (const peer of peers ? PEERS : []) {
    say(`${peer.name} ${peer.version}: looked for`);
    const found = await installPeer(peer);
    versions[peer.name] = "ways" in found ? peer.version : `cannot be had (${found.missing})`;
    if ("ways" in found) proxies.push(...found.ways);
  }
  const source = program === undefined ? { tree: OWN_TREE } : { program };
  const own = routes.map((route) => pdRouterWay(source, route));
  const all = [ENGINE, ...proxies, ...own];
  const order = ["engine", "proxy", "handoff"] as const;
  return { ways: order.flatMap((kind) => all.filter((way) => way.kind === kind)), versions };
}

async function bench(options: Options): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "pd-router-bench-" });
  await Deno.chmod(folder, 0o755);
  await using children = new Children();
  const stop = (): void => void children[Symbol.asyncDispose]().then(() => Deno.exit(130));
  for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(signal, stop);
  try {
    const tools = await buildTools();
    const { ways, versions } = await findWays(options, folder);
    const usual = options.quick ? QUICK : FULL;
    const effort = { ...usual, rounds: options.rounds ?? usual.rounds };
    const parts = benchOf({ children, tools, ways, effort, say });
    const tables: Table[] = [];
    const date = new Date().toISOString();
    const run = (): Run => ({
      date,
      machine: machineText(),
      rounds: effort.rounds,
      versions,
      tables,
    });
    print(`${run().machine}; ${JSON.stringify(versions)}`);
    for (const name of options.sections) {
      const table = await SECTIONS[name](parts);
      tables.push(table);
      print(`\n${tableAsText(table)}`);
      // What was measured is kept whatever comes.
      await keep(run(), options.json);
    }
    print(`\nWritten to ${options.json}`);
  } finally {
    await children[Symbol.asyncDispose]();
    await Deno.remove(folder, { recursive: true });
  }
}

async function keep(run: Run, path: string): Promise<void> {
  const folder = /^(.*)\//.exec(path)?.[1];
  if (folder !== undefined) await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(path, `${JSON.stringify(run, null, 1)}\n`);
}

function print(text: string): void {
  const bytes = encodeUtf8(`${text}\n`);
  for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
}

/** What is being done, for whoever waits. */
function say(text: string): void {
  Deno.stderr.writeSync(encodeUtf8(`  ${text}\n`));
}

function options(): Options | undefined {
  try {
    return readOptions(Deno.args);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    print(`${error.message}\n${USAGE}`);
    return undefined;
  }
}

const asked = options();
if (asked === undefined) Deno.exit(2);
try {
  await bench(asked);
} catch (error) {
  print(describeError(error));
  Deno.exitCode = 1;
}
// The signal listeners would keep the process.
Deno.exit();
