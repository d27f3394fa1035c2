/** The processes under test: engines of two kinds, and a router for each route. @module */
import { type Child, type Children, freePorts } from "../child.ts";
import { FAST_MODEL } from "../fast_answers.ts";

const root = new URL("../../../", import.meta.url).pathname;
const MAIN = `${root}main.ts`;
const FAST_ENGINE = `${root}scripts/bench/fast_engine.ts`;

/** The model of the simulated engines. */
const SIM_MODEL = "sim-model";

/** Engines of one kind, and their processes. */
export interface Engines {
  readonly name: string;
  readonly model: string;
  /** Port of the engine that serves whole requests. */
  readonly port: number;
  readonly pids: readonly number[];
}

/** One router. */
export interface Router {
  readonly port: number;
  readonly pid: number;
}

/** Everything that runs. */
export interface Cluster {
  readonly fast: Engines;
  readonly sim: Engines;
  /** Serves requests directly, by one engine. */
  readonly direct: Router;
  /** Hands requests off. */
  readonly handoff: Router;
}

/** Start all processes among `children`, routers with `routerFlags`; rejects when one cannot be started. */
export async function startCluster(
  children: Children,
  routerFlags: readonly (string | number)[] = [],
): Promise<Cluster> {
  const ports = freePorts(12);
  const [fastAny = 0, fastPrefill = 0, fastDecode = 0, simAny = 0, simPrefill = 0, simDecode = 0] =
    ports;
  const [directPort = 0, handoffPort = 0, notifyPort = 0, initPort = 0, allocPort = 0] = ports
    .slice(6);
  const waits: Promise<void>[] = [];
  const served = async (): Promise<void> => void await Promise.all(waits.splice(0));
  const start = (script: string, args: readonly (string | number)[], port: number): Child => {
    const child = children.start(script, args);
    waits.push(child.serving(port, "/v1/models"));
    return child;
  };
  const sim = (role: string, port: number, ...more: readonly (string | number)[]): Child =>
    start(MAIN, ["sim", "--role", role, "--port", port, "--log-level", "error", ...more], port);
  const fast = start(
    FAST_ENGINE,
    [notifyPort, fastAny, fastPrefill, fastDecode],
    fastDecode,
  );
  const sims = [
    sim("any", simAny),
    sim("prefill", simPrefill, "--proxy-host", "127.0.0.1", "--proxy-port", notifyPort),
    sim("decode", simDecode, "--init-port", initPort, "--alloc-port", allocPort),
  ];
  await served();
  const routerAt = (port: number): readonly (string | number)[] => [
    ...["--host", "127.0.0.1", "--port", port],
    ...routerFlags,
  ];
  const direct = start(MAIN, [
    ...routerAt(directPort),
    ...["--routing-logic", "roundrobin"],
    ...["--static-backends", `${at(fastAny)},${at(simAny)}`],
    ...["--static-models", `${FAST_MODEL},${SIM_MODEL}`],
  ], directPort);
  const handoff = start(MAIN, [
    ...routerAt(handoffPort),
    ...["--nixl-proxy-host", "127.0.0.1", "--nixl-proxy-port", notifyPort],
    ...["--prefill", `${at(fastPrefill)};model=${FAST_MODEL}`],
    ...["--decode", `${at(fastDecode)};init=1;alloc=2;model=${FAST_MODEL}`],
    ...["--prefill", `${at(simPrefill)};model=${SIM_MODEL}`],
    ...["--decode", `${at(simDecode)};init=${initPort};alloc=${allocPort};model=${SIM_MODEL}`],
  ], handoffPort);
  await served();
  return {
    fast: { name: "fast engine", model: FAST_MODEL, port: fastAny, pids: [fast.pid] },
    sim: {
      name: "simulated engine",
      model: SIM_MODEL,
      port: simAny,
      pids: sims.map(({ pid }) => pid),
    },
    direct: { port: directPort, pid: direct.pid },
    handoff: { port: handoffPort, pid: handoff.pid },
  };
}

function at(port: number): string {
  return `http://127.0.0.1:${port}`;
}
