/**
 * `probe.ts [--tree DIR]... [--route ROUTE] [--rounds N] [--warm-up N] [--flag=FLAG]... [-- CLIENT ARGS]`
 *
 * One load on one route of pd-router, of one or more checkouts in turn (the first is this one where none
 * is named), beside the engine itself: medians of the rounds. What follows `--` goes to the load client.
 * @module
 */
import { describeError, encodeUtf8 } from "../../../lib/base/mod.ts";
import { Children } from "../child.ts";
import { median } from "../figures.ts";
import { figure, tableText } from "../table.ts";
import { type LoadAsk, type LoadSeen, runClient } from "./client.ts";
import { readTreeStat } from "./cpu.ts";
import { readMachineStat, stealBetween } from "./steal.ts";
import { toolPath } from "./tools.ts";
import { type Route, routerFlags, ROUTES, startEngine, startRouter, type Way } from "./ways.ts";

const HERE = new URL("../../../", import.meta.url).pathname.replace(/\/$/, "");

interface Asked {
  readonly trees: readonly string[];
  readonly route: Route;
  readonly rounds: number;
  readonly warmUp: number;
  readonly flags: readonly string[];
  readonly client: LoadAsk;
}

interface Seen {
  readonly load: LoadSeen;
  readonly routerSeconds: number;
  readonly steal: number;
}

function readArgs(args: readonly string[]): Asked {
  const split = args.indexOf("--");
  const own = split < 0 ? args : args.slice(0, split);
  const values = (name: string): readonly string[] =>
    own.flatMap((arg, index) =>
      arg === `--${name}`
        ? own[index + 1] ?? []
        : arg.startsWith(`--${name}=`)
        ? arg.slice(name.length + 3)
        : []
    );
  const [route = "direct"] = values("route");
  const known = ROUTES.find((one) => one === route);
  if (known === undefined) {
    throw new RangeError(`"--route" must be one of ${ROUTES.join(", ")}, received ${route}`);
  }
  const trees = values("tree");
  return {
    trees: trees.length > 0 ? trees : [HERE],
    route: known,
    rounds: Number(values("rounds")[0] ?? 3),
    warmUp: Number(values("warm-up")[0] ?? 5_000),
    flags: values("flag"),
    client: clientAsk(split < 0 ? [] : args.slice(split + 1)),
  };
}

function clientAsk(args: readonly string[]): LoadAsk {
  const ask: Record<string, string | true> = {};
  args.forEach((arg, index) => {
    if (!arg.startsWith("--")) return;
    const next = args[index + 1];
    ask[arg.slice(2)] = next === undefined || next.startsWith("--") ? true : next;
  });
  return ask;
}

async function measure(client: string, { port, pid }: Way, ask: LoadAsk): Promise<Seen> {
  const machine = readMachineStat();
  const before = pid === undefined ? 0 : readTreeStat(pid).cpuSeconds;
  const load = await runClient(client, port, ask);
  const routerSeconds = pid === undefined ? NaN : readTreeStat(pid).cpuSeconds - before;
  return { load, routerSeconds, steal: stealBetween(machine, readMachineStat()) };
}

async function probe(asked: Asked): Promise<string> {
  await using children = new Children();
  const [enginePath, client] = await Promise.all([toolPath("engine"), toolPath("client")]);
  const ways: Way[] = [];
  for (const tree of asked.trees) {
    const engine = await startEngine(children, enginePath);
    if (ways.length === 0) ways.push({ name: "engine itself", port: engine.any, pid: undefined });
    const router = await startRouter(children, tree, [
      ...routerFlags(asked.route, engine),
      ...asked.flags,
    ]);
    ways.push({ name: tree, port: router.port, pid: router.pid });
  }
  for (const { port, pid } of ways) {
    if (pid === undefined || asked.warmUp <= 0) continue;
    // The load that is measured, and as many small requests as compile what they run through.
    await runClient(client, port, { connections: 16, requests: asked.warmUp });
    await runClient(client, port, asked.client);
  }
  const seen = ways.map((): Seen[] => []);
  for (let round = 0; round < asked.rounds; round++) {
    for (const [index, way] of ways.entries()) {
      seen[index]?.push(await measure(client, way, asked.client));
    }
  }
  const of = (index: number, get: (one: Seen) => number | undefined): number =>
    median((seen[index] ?? []).map((one) => get(one) ?? NaN));
  const most = (index: number, get: (one: Seen) => number): number =>
    Math.max(...(seen[index] ?? []).map(get));
  return tableText([
    { title: `${asked.route}, medians of ${asked.rounds}`, text: ({ name }: Way) => name },
    ...([
      ["req/s", 0, ({ load }) => load.answered / load.seconds],
      ["CPU ms/req", 4, ({ load, routerSeconds }) => 1e3 * routerSeconds / load.begun],
      [
        "CPU s/M events",
        1,
        ({ load, routerSeconds }) => load.events ? 1e6 * routerSeconds / load.events : NaN,
      ],
      ["events/s", 0, ({ load }) => load.events ? load.events / load.seconds : NaN],
      ["p50 ms", 3, ({ load }) => load.latency?.p50],
      ["p99", 3, ({ load }) => load.latency?.p99],
      ["first p50", 2, ({ load }) => load.first?.p50],
      ["p99", 2, ({ load }) => load.first?.p99],
      ["gap p50", 2, ({ load }) => load.gap?.p50],
      ["p99", 2, ({ load }) => load.gap?.p99],
    ] as const satisfies readonly (readonly [string, number, (one: Seen) => number | undefined])[])
      .map((
        [title, digits, get],
      ) => ({ title, text: (way: Way) => figure(of(ways.indexOf(way), get), digits) })),
    {
      title: "failed",
      text: (way) => figure(most(ways.indexOf(way), ({ load }) => load.failed), 0),
    },
    {
      title: "steal %",
      text: (way) => figure(100 * most(ways.indexOf(way), ({ steal }) => steal), 0),
    },
    {
      title: "MiB",
      text: ({ pid }) =>
        figure(pid === undefined ? NaN : readTreeStat(pid).residentBytes / 2 ** 20, 0),
    },
  ], ways) + `\n${seen.flat().find(({ load }) => load.failed > 0)?.load.failure ?? ""}`;
}

try {
  await Deno.stdout.write(encodeUtf8(`${await probe(readArgs(Deno.args))}\n`));
} catch (error) {
  await Deno.stderr.write(encodeUtf8(`${describeError(error)}\n`));
  Deno.exitCode = 1;
}
