/** A router on loopback, started for one test. @module */
import { type AdmissionStats, type App, type AppPorts, startApp } from "../../lib/app.ts";
import {
  type Clock,
  type Engine,
  type Logger,
  seededRandom,
  silentLogger,
  SocketTurns,
  systemClock,
} from "../../lib/base/mod.ts";
import type { Handoff, LmcacheHandoff, RouterConfig } from "../../lib/config/mod.ts";
import { staticSource } from "../../lib/fleet/mod.ts";
import type { OnTrace } from "../../lib/http/mod.ts";
import { frontPorts } from "./front.ts";
import { eventually } from "./eventually.ts";
import {
  type EngineRows,
  type StartedWorkers,
  startWorkers,
  TEST_WORKERS,
  type WorkersPorts,
} from "./router_workers.ts";

/** What a test may change of the configuration. */
export type RouterChanges =
  & Partial<
    Omit<RouterConfig, "handoff" | "timeouts" | "doors" | "health">
  >
  & {
    readonly doors?: Partial<RouterConfig["doors"]>;
    readonly handoff?: Partial<Omit<LmcacheHandoff, "kind">> & {
      readonly kind?: Exclude<Handoff["kind"], "none">;
    };
    readonly timeouts?: Partial<RouterConfig["timeouts"]>;
    readonly health?: Partial<RouterConfig["health"]>;
    readonly log_?: Logger;
    readonly onTrace?: OnTrace;
    readonly seed?: number;
    /** The machine's when absent. */
    readonly clock?: Clock;
    /** Do not wait until the engines have been asked for their models. */
    readonly unprobed?: boolean;
    /** In place of the machine's own. */
    readonly ports?: Pick<
      AppPorts,
      | "sources"
      | "front"
      | "dial"
      | "bindPull"
      | "kv"
      | "breather"
      | "bus"
      | "warmUp"
      | "kvTag"
      | "cluster"
    >;
  };

/** An engine's record, whose KV moves as the router's configuration says where it does not say. */
export type TestEngine = Omit<Engine, "kv"> & Partial<Pick<Engine, "kv">>;

/** A running router. */
export interface TestRouter extends AsyncDisposable {
  readonly app: App;
  readonly url: string;
  /** Port for KV-ready notifications; 0 without a handoff. */
  readonly notifyPort: number;
  /** How many processes it has. */
  readonly workers: number;
  /** What waits at each of them, as it was a moment ago. */
  admissions(): readonly AdmissionStats[];
  /** Wait until what each of its processes tells of the engines, by itself, is what `holds` says. */
  agrees(holds: (rows: EngineRows) => boolean): Promise<void>;
}

/** An engine's record; the id is its host and port. */
export function engineAt(
  url: string,
  role: Engine["role"],
  more: Partial<Engine> = {},
): TestEngine {
  return { id: new URL(url).host, url, role, models: [], ...more };
}

/** The configuration of a router for `engines`; with one among them that prefills, it hands off. */
function configFor(engines: readonly TestEngine[], changes: RouterChanges): RouterConfig {
  const { log_: _log, onTrace: _onTrace, seed: _seed, clock: _clock, ...settings } = changes;
  const { unprobed: _unprobed, ports: _ports, ...named } = settings;
  const { handoff, timeouts, doors, health, ...rest } = named;
  const split = engines.some(({ role }) => role === "prefill" || role === "both");
  const { kind = "lmcache", ...lmcache } = handoff ?? {};
  const kv = split ? kind : "none";
  return {
    listen: { host: "127.0.0.1", port: 0 },
    rootPath: "",
    engines: engines.map((engine) => ({ kv, ...engine })),
    discovery: {
      rules: { usual: kv, labels: { prefill: [], decode: [] }, linkLocal: false },
      listed: [],
    },
    aliases: new Map(),
    routing: { kind: "roundrobin" },
    handoff: !split ? { kind: "none" } : kind !== "lmcache" ? { kind } : {
      kind,
      proxy: { host: "127.0.0.1", port: 0 },
      proxySocket: "builtin",
      kvReadyTimeoutMs: 10_000,
      kvTimeoutPolicy: "retry",
      keys: "own",
      finishedReqTtlMs: 120_000,
      cleanupIntervalMs: 60_000,
      ...lmcache,
    },
    timeouts: {
      connectMs: 20_000,
      tokenizeMs: 20_000,
      prefillMs: 20_000,
      prefillMsPerToken: 0,
      firstByteMs: 20_000,
      wholeAnswerMs: 20_000,
      streamIdleMs: 20_000,
      ...timeouts,
    },
    clients: {
      headMs: 15_000,
      bodyIdleMs: 30_000,
      writeIdleMs: 60_000,
      keepAliveMs: 75_000,
      maxConnections: 16_384,
      maxPerAddress: Infinity,
    },
    health: {
      engineFailures: 3,
      pairFailures: 2,
      pauseMs: 1_000,
      maxPauseMs: 60_000,
      maxShutShare: 0.5,
      frozenAfterMs: 60_000,
      reroutes: 1,
      retryShare: 0.1,
      failurePolicy: "error",
      fallbackShare: 1,
      continueStreams: false,
      ...health,
    },
    // What tests say of engines is said by address.
    answers: { exposeEngines: true, allowedOrigins: [], rankLeg: "decode" },
    requests: { timeoutMs: 3_600_000 },
    observe: { accessShare: 0, accessFormat: "json", serverTiming: false, keepRequests: 512 },
    admission: { queueSize: 1_024, queueTimeoutMs: 30_000 },
    doors: {
      keys: { given: [], open: ["/metrics", "/version"] },
      engineTls: {},
      allowLinkLocalEngines: false,
      notifications: { allow: [], maxPerAddress: 1024 },
      trustedProxies: [],
      ...doors,
    },
    descriptors: { limit: undefined, clients: 16_384, notifications: 16_384, reserve: 2 },
    tokenize: { how: "engine", cacheBytes: 0 },
    drainTimeoutMs: 5_000,
    lifecycle: { warmUp: false, drainDelayMs: 0 },
    maxRequestBytes: 8 * 1024 * 1024,
    buffers: { maxBytes: 64 * 1024 * 1024 },
    trustClientKvParams: false,
    lmcacheTagDirect: false,
    stats: { engineIntervalMs: 30_000, requestWindowMs: 60_000, log: false, logIntervalMs: 10_000 },
    log: { level: "info", format: "text" },
    ...rest,
  };
}

/**
 * Start a router of so many processes, which take changes of engines from the test and log for it. Of what
 * only one process can have, `changes` says nothing.
 */
export async function startSeveral(
  engines: readonly TestEngine[],
  changes: Omit<RouterChanges, "log_" | "onTrace" | "clock" | "ports" | "unprobed">,
  ports: Required<WorkersPorts>,
): Promise<TestRouter & Pick<StartedWorkers, "tell" | "kill">> {
  const config = configFor(engines, changes);
  const task = { config, seed: changes.seed ?? 1, unprobed: false, scripted: true };
  const { app, tell, kill, ...told } = await startWorkers(task, ports);
  return { ...testRouter(app, { count: ports.count, ...told }), tell, kill };
}

/** Start a router for `engines`; with one among them that prefills, it hands off. */
export async function startRouter(
  engines: readonly TestEngine[],
  changes: RouterChanges = {},
): Promise<TestRouter> {
  const { log_, onTrace, seed, clock, unprobed, ports } = changes;
  const config = configFor(engines, changes);
  // What a test gives of its own, no other process can have.
  const isAlone = [clock, log_, onTrace, ports].some((own) => own !== undefined);
  const several = TEST_WORKERS > 1 && !isAlone
    ? await startWorkers({
      config,
      seed: seed ?? 1,
      unprobed: unprobed ?? false,
    })
    : undefined;
  // As the program has them.
  const turns = clock === undefined && several === undefined ? new SocketTurns() : undefined;
  const app = several?.app ??
    await startApp(config, {
      clock: clock ?? systemClock(turns),
      random: seededRandom(seed ?? 1),
      log: log_ ?? silentLogger(),
      sources: [staticSource(config.engines)],
      ...(onTrace === undefined ? {} : { onTrace }),
      ...frontPorts(clock),
      ...ports,
    });
  if (unprobed !== true) await app.probed;
  const started = testRouter(app, several && { ...several, count: TEST_WORKERS });
  return {
    ...started,
    async [Symbol.asyncDispose](): Promise<void> {
      using _turns = turns;
      await started[Symbol.asyncDispose]();
    },
  };
}

/** A router that has been started, of one process where nothing is said. */
export function testRouter(
  app: App,
  processes?: Pick<StartedWorkers, "views" | "admissions"> & { readonly count: number },
): TestRouter {
  const url = `http://127.0.0.1:${app.address.port}`;
  const own = async (): Promise<readonly EngineRows[]> => [
    await (await fetch(`${url}/engines`)).json(),
  ];
  const alone = { count: 1, views: own, admissions: () => [app.admission()] };
  const { count: workers, views, admissions } = processes ?? alone;
  return {
    app,
    url,
    notifyPort: app.notifications?.port ?? 0,
    workers,
    admissions,
    agrees: (holds) =>
      eventually(
        async () => {
          const all = await views();
          return all.length === workers && all.every(holds);
        },
        () => "the processes of the router do not agree",
      ),
    [Symbol.asyncDispose]: () => app[Symbol.asyncDispose](),
  };
}

/** Post JSON; the answer's body must be consumed. */
export function post(
  url: string,
  body: unknown,
  init: { readonly headers?: Record<string, string>; readonly signal?: AbortSignal } = {},
): Promise<Response> {
  return fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", ...init.headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
    ...(init.signal === undefined ? {} : { signal: init.signal }),
  });
}
