/**
 * `probe.ts [--tree DIR]... [--route ROUTE] [--rounds N] [--warm-up N] [--flag=FLAG]... [-- CLIENT ARGS]`
 *
 * One load on one route of pd-router, of one or more checkouts in turn (this one where none is named),
 * beside the engine itself: medians of the rounds. What follows `--` goes to the load client
 * (`c/client.c`).
 * @module
 */
import { describeError, encodeUtf8 } from "../../../lib/base/mod.ts";
import { Children } from "../child.ts";
import { figure } from "../table.ts";
import type { LoadAsk } from "./client.ts";
import {
  CPU_MS,
  CPU_TOKENS,
  FIRST_P50,
  FIRST_P99,
  GAP_P50,
  GAP_P99,
  P50,
  P99,
  RATE,
  TOKEN_RATE,
} from "./columns.ts";
import { readTreeStat } from "./cpu.ts";
import { openAlone, samplesOf, warmUp } from "./measure.ts";
import { rowOf, tableAsText } from "./rows.ts";
import { buildTools } from "./tools.ts";
import { ENGINE, type OpenWay, OWN_TREE, pdRouterWay, type Route, ROUTES } from "./ways.ts";

const WHOLE = [RATE, CPU_MS, P50, P99];
const STREAMED = [CPU_TOKENS, TOKEN_RATE, FIRST_P50, FIRST_P99, GAP_P50, GAP_P99];

interface Asked {
  readonly trees: readonly string[];
  readonly route: Route;
  readonly rounds: number;
  readonly warmUp: number;
  readonly flags: readonly string[];
  readonly client: LoadAsk;
}

function readArgs(args: readonly string[]): Asked {
  const split = args.includes("--") ? args.indexOf("--") : args.length;
  const own = args.slice(0, split);
  const values = (name: string): readonly string[] =>
    own.flatMap((arg, index) => {
      if (arg === `--${name}`) return own[index + 1] ?? [];
      return arg.startsWith(`--${name}=`) ? arg.slice(name.length + 3) : [];
    });
  const [asked = "direct"] = values("route");
  const route = ROUTES.find((one) => one === asked);
  if (route === undefined) {
    throw new RangeError(`"--route" must be one of ${ROUTES.join(", ")}, received ${asked}`);
  }
  const trees = values("tree");
  return {
    trees: trees.length > 0 ? trees : [OWN_TREE],
    route,
    rounds: Number(values("rounds")[0] ?? 3),
    warmUp: Number(values("warm-up")[0] ?? 10_000),
    flags: values("flag"),
    client: clientAsk(args.slice(split + 1)),
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

async function probe(asked: Asked): Promise<string> {
  await using children = new Children();
  const tools = await buildTools();
  const open: OpenWay[] = [await openAlone(children, tools, ENGINE)];
  for (const tree of asked.trees) {
    const way = { ...pdRouterWay({ tree }, asked.route, asked.flags), name: tree };
    const one = await openAlone(children, tools, way);
    if (asked.warmUp > 0) await warmUp(tools, one, { requests: asked.warmUp, streams: 32 });
    open.push(one);
  }
  const { "itl-us": intervalUs, ...client } = asked.client;
  const load = { client, ...(intervalUs === undefined ? {} : { intervalUs: Number(intervalUs) }) };
  const samples = await samplesOf(tools, open, load, asked.rounds);
  const columns = client["stream"] === true ? [...WHOLE, ...STREAMED] : WHOLE;
  const rows = open.map(({ way, pid }, index) => {
    const row = rowOf(asked.route, way.name, samples[index] ?? [], columns);
    const mib = pid === undefined ? null : readTreeStat(pid).residentBytes / 2 ** 20;
    return { ...row, figures: { ...row.figures, mib, steal: 100 * row.steal } };
  });
  return tableAsText({
    section: "probe",
    title: `${asked.rounds} rounds of ${JSON.stringify(asked.client)}; steal at most ${
      figure(100 * Math.max(...rows.map(({ steal }) => steal)), 0)
    } %`,
    columns: [...columns, { key: "mib", title: "MiB", digits: 0 }],
    rows,
  });
}

try {
  await Deno.stdout.write(encodeUtf8(`${await probe(readArgs(Deno.args))}\n`));
} catch (error) {
  await Deno.stderr.write(encodeUtf8(`${describeError(error)}\n`));
  Deno.exitCode = 1;
}
