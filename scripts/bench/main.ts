/**
 * `deno task bench [--quick] [--only SECTION]`: what the router costs, against asking the engine
 * itself, in one run on this machine.
 *
 * Load generator (this process), engines and routers are processes of their own on loopback. Two
 * kinds of engine serve: the simulated one, and a fast one that answers from memory, beside which
 * the router's own cost shows.
 * @module
 */
import { describeError, encodeUtf8 } from "../../lib/base/mod.ts";
import { Children, pause } from "./child.ts";
import { type Cluster, startCluster } from "./cluster.ts";
import { type Asked, lanesTo } from "./lanes.ts";
import { runLoad } from "./load.ts";
import { readProcessStat } from "./process_stat.ts";
import { type Effort, SECTIONS } from "./report.ts";
import { figure, tableText } from "./table.ts";

const FULL: Effort = {
  rounds: 3,
  durationMs: 600,
  connections: [1, 32, 256],
  streams: [64, 256],
};
const QUICK: Effort = { rounds: 1, durationMs: 200, connections: [1, 32], streams: [64] };

/** How long processes rest before their memory is read at the end. */
const REST_MS = 1_000;

/** Code is fast once it has been compiled: each way is used for so long before it is measured. */
const WARM_UP_MS = { full: 700, quick: 250 };

const print = (text: string): void => {
  const bytes = encodeUtf8(`${text}\n`);
  for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
};

const names = Object.keys(SECTIONS);
const usage = `Usage: deno task bench [--quick] [--only ${names.join("|")}]`;

interface Options {
  readonly quick: boolean;
  readonly sections: readonly string[];
}

function readOptions(args: readonly string[]): Options | undefined {
  const rest = args.filter((arg) => arg !== "--quick");
  const quick = rest.length < args.length;
  if (rest.length === 0) return { quick, sections: names };
  const [flag, only = ""] = rest;
  if (rest.length !== 2 || flag !== "--only" || !names.includes(only)) return undefined;
  return { quick, sections: [only] };
}

/** How many requests went which way, out of a router's own count. */
async function routesOf(port: number): Promise<string> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  const counts = new Map<string, number>();
  for (const line of text.matchAll(/^pd_router_requests_total\{.*route="(\w+)".*\} (\d+)$/gm)) {
    const [, route = "", count] = line;
    if (route !== "none") counts.set(route, (counts.get(route) ?? 0) + Number(count));
  }
  return [...counts].map(([route, count]) => `${count} ${route}`).join(", ");
}

async function warmUp(cluster: Cluster, durationMs: number): Promise<void> {
  const kinds: readonly Asked[] = [{ stream: false, tokens: 16 }, { stream: true, tokens: 50 }];
  for (const asked of kinds) {
    for (const engines of [cluster.fast, cluster.sim]) {
      for (const { port, request } of lanesTo(cluster, engines, asked)) {
        await runLoad({ port, request, connections: 16, durationMs });
      }
    }
  }
}

async function bench({ quick, sections }: Options): Promise<void> {
  const startedAt = performance.now();
  await using children = new Children();
  const stop = (): void => void children[Symbol.asyncDispose]().then(() => Deno.exit(130));
  for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(signal, stop);
  const cluster = await startCluster(children);
  const routers = [
    { name: "router (direct)", pid: cluster.direct.pid },
    { name: "router (handoff)", pid: cluster.handoff.pid },
  ];
  const memoryNow = (): readonly number[] =>
    routers.map(({ pid }) => readProcessStat(pid).residentBytes);
  const atStart = memoryNow();
  print(
    `${navigator.hardwareConcurrency} cores, ${Deno.build.target}, Deno ${Deno.version.deno}. ` +
      "Load generator, engines, routers: a process each, on no core in particular.",
  );
  await warmUp(cluster, quick ? WARM_UP_MS.quick : WARM_UP_MS.full);
  const most = new Map<number, number>();
  const onMemory = (pid: number, bytes: number): void =>
    void most.set(pid, Math.max(bytes, most.get(pid) ?? 0));
  const effort = quick ? QUICK : FULL;
  for (const name of sections) {
    const section = SECTIONS[name];
    if (section !== undefined) print(`\n${await section({ cluster, effort, onMemory })}`);
  }
  await pause(REST_MS);
  const atEnd = memoryNow();
  const rows = routers.map(({ name, pid }, index) => ({ name, most: most.get(pid), index }));
  const mib = (bytes: number | undefined): string => figure((bytes ?? NaN) / 2 ** 20, 0);
  const memory = tableText([
    { title: "MiB resident", text: ({ name }) => name },
    { title: "start", text: ({ index }) => mib(atStart[index]) },
    { title: "most", text: (row) => mib(row.most) },
    { title: "end", text: ({ index }) => mib(atEnd[index]) },
  ], rows);
  print(`\n${memory}\n\nRequests of router (handoff): ${await routesOf(cluster.handoff.port)}`);
  print(`${((performance.now() - startedAt) / 1000).toFixed(0)} s in all`);
}

const options = readOptions(Deno.args);
if (options === undefined) {
  print(usage);
  Deno.exit(2);
}
try {
  await bench(options);
} catch (error) {
  print(describeError(error));
  Deno.exitCode = 1;
}
// The signal listeners would keep the process.
Deno.exit();
