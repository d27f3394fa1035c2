/**
 * `deno task bench:guard`: some twenty seconds that fail when the router has become far more expensive.
 *
 * CPU time is compared with that of the C engine and the C client for the same load without a router,
 * in the same run; requests are counted, not seconds, so that a busy machine changes little.
 * @module
 */
import { describeError, encodeUtf8 } from "../../../lib/base/mod.ts";
import { Children } from "../child.ts";
import { type LoadAsk, type LoadSeen, runClient } from "./client.ts";
import { readTreeStat } from "./cpu.ts";
import { pace, startEngines } from "./engines.ts";
import { type CheckName, CHECKS, TRIES, verdictLine, verdictOn } from "./guard_checks.ts";
import { warmUp } from "./measure.ts";
import { buildTools, type Tools } from "./tools.ts";
import { ENGINE, type OpenWay, openWay, OWN_TREE, pdRouterWay } from "./ways.ts";

const WHOLE: LoadAsk = { connections: 16, requests: 4_000, limit: 120 };
const HANDOFFS: LoadAsk = { connections: 16, requests: 1_500, limit: 120 };
const STREAMS: LoadAsk = {
  ...{ connections: 64, once: true, stream: true, tokens: 400, "spread-ms": 100, limit: 120 },
};
const STREAM_INTERVAL_US = 2_000;
const BURST: LoadAsk = { ...STREAMS, connections: 500, tokens: 40, "spread-ms": 500 };
const BURST_INTERVAL_US = 20_000;

/** Sizes of events, and how many of each make a time that can be told. */
const EVENTS = { small: { mb: 2, requests: 12 }, large: { mb: 8, requests: 3 } } as const;

/** What is measured. */
interface Ways {
  readonly tools: Tools;
  readonly engine: OpenWay;
  readonly direct: OpenWay;
  readonly p1: OpenWay;
}

/** The ratio of each check. */
const MEASURED: Readonly<Record<CheckName, (ways: Ways) => Promise<number>>> = {
  request: async (ways) =>
    await routerCost(ways.tools, ways.direct, WHOLE) / await bareCost(ways, WHOLE),
  handoff: async (ways) =>
    await routerCost(ways.tools, ways.p1, HANDOFFS) / await bareCost(ways, WHOLE),
  token: async (ways) => {
    await pace(ways.p1.engines.ports, STREAM_INTERVAL_US);
    const cost = await routerCost(ways.tools, ways.p1, STREAMS, perEvent);
    await pace(ways.engine.engines.ports, STREAM_INTERVAL_US);
    return cost / await bareCost(ways, STREAMS, perEvent);
  },
  async event({ tools, p1 }) {
    await pace(p1.engines.ports, 0);
    const perMb = async ({ mb, requests }: { readonly mb: number; readonly requests: number }) => {
      // The first token is the prefill engine's: the large one comes from the decode engine.
      const ask = { requests, stream: true, tokens: 2, "event-bytes": mb * 2 ** 20 } as const;
      return await routerCost(tools, p1, ask) / mb;
    };
    // What comes first has to get the memory for it.
    await perMb(EVENTS.large);
    return await perMb(EVENTS.large) / await perMb(EVENTS.small);
  },
  async memory({ tools, direct: { port, pid = 0, engines } }) {
    await pace(engines.ports, BURST_INTERVAL_US);
    const before = readTreeStat(pid).residentBytes;
    await wellRun(tools, port, BURST);
    return readTreeStat(pid).residentBytes / before;
  },
};

/** CPU seconds of a router, for each request or event. */
async function routerCost(
  tools: Tools,
  { port, pid = 0 }: OpenWay,
  ask: LoadAsk,
  count: (seen: LoadSeen) => number = perRequest,
): Promise<number> {
  const before = readTreeStat(pid).cpuSeconds;
  const seen = await wellRun(tools, port, ask);
  return (readTreeStat(pid).cpuSeconds - before) / count(seen);
}

/** CPU seconds of engine and client, where nothing is in between. */
async function bareCost(
  { tools, engine: { port, engines } }: Ways,
  ask: LoadAsk,
  count: (seen: LoadSeen) => number = perRequest,
): Promise<number> {
  // Far cheaper than a router: it takes more of them until the clock tells.
  const more = typeof ask["requests"] === "number" ? { requests: 5 * ask["requests"] } : {};
  const before = readTreeStat(engines.pid).cpuSeconds;
  const seen = await wellRun(tools, port, { ...ask, ...more });
  return (readTreeStat(engines.pid).cpuSeconds - before + seen.cpuSeconds) / count(seen);
}

const perRequest = ({ begun }: LoadSeen): number => begun;
const perEvent = ({ events }: LoadSeen): number => events;

async function wellRun(tools: Tools, port: number, ask: LoadAsk): Promise<LoadSeen> {
  const seen = await runClient(tools.client, port, ask);
  if (seen.failed > 0) throw new Error(`${seen.failed} requests failed: ${seen.failure}`);
  return seen;
}

async function openAll(children: Children, tools: Tools): Promise<Ways> {
  const routed = async (route: "direct" | "p1", requests: number): Promise<OpenWay> => {
    const engines = await startEngines(children, tools.engine);
    const open = await openWay(children, pdRouterWay({ tree: OWN_TREE }, route), engines);
    await warmUp(tools, open, { requests, streams: 32 });
    return open;
  };
  const engine = await openWay(children, ENGINE, await startEngines(children, tools.engine));
  return { tools, engine, direct: await routed("direct", 8_000), p1: await routed("p1", 3_000) };
}

/** Measure every check until it passes, `TRIES` times at most; the number of those that do not. */
async function guard(): Promise<number> {
  await using children = new Children();
  const stop = (): void => void children[Symbol.asyncDispose]().then(() => Deno.exit(130));
  for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(signal, stop);
  const ways = await openAll(children, await buildTools());
  const names = Object.keys(CHECKS).filter((name): name is CheckName => name in CHECKS);
  let failed = 0;
  for (const name of names) {
    const ratios: number[] = [];
    do ratios.push(await MEASURED[name](ways)); while (
      !verdictOn(name, ratios).passed && ratios.length < TRIES
    );
    const verdict = verdictOn(name, ratios);
    if (!verdict.passed) failed++;
    print(verdictLine(name, verdict));
  }
  print(`${names.length - failed} passed, ${failed} failed`);
  return failed;
}

function print(text: string): void {
  Deno.stdout.writeSync(encodeUtf8(`${text}\n`));
}

let failed = 1;
try {
  failed = await guard();
} catch (error) {
  print(describeError(error));
}
Deno.exit(failed > 0 ? 1 : 0);
