/** Simulated engines and a router between them, on real sockets. @module */
import {
  type Engine,
  type Mode,
  seededRandom,
  silentLogger,
  systemClock,
} from "../../lib/base/mod.ts";
import type { EngineSource } from "../../lib/fleet/mod.ts";
import {
  createSharedStore,
  type SimEngine,
  type SimOptions,
  startSimEngine,
} from "../../lib/sim/mod.ts";
import { eventually } from "./eventually.ts";
import { eventsOf } from "./kv_events.ts";
import { engineAt, type RouterChanges, startRouter, type TestRouter } from "./router.ts";

/** What a cluster is made of. */
export interface ClusterShape {
  readonly prefills?: number;
  readonly decodes?: number;
  /** Worker ranks of every engine. */
  readonly ranks?: number;
  readonly prefill?: Partial<SimOptions>;
  readonly decode?: Partial<SimOptions>;
  readonly router?: RouterChanges;
  /** How KV moves, `lmcache` when absent. */
  readonly protocol?: "lmcache" | "nixl" | "shared_storage";
  /** Which mode each decode engine takes, in turn; `p1` when absent. */
  readonly modes?: readonly Mode[];
  /** Set on the prefill engines' records. */
  readonly notifications?: number;
  /** Where the router has its engines from, given the records of all; it has these when absent. */
  readonly source?: (records: readonly Engine[]) => EngineSource;
}

/** A running cluster, and one engine alone that says what is right. */
export interface Cluster extends AsyncDisposable {
  readonly router: TestRouter;
  readonly prefills: readonly SimEngine[];
  readonly decodes: readonly SimEngine[];
  /** Of the prefill engines, then of the decode engines. */
  readonly records: readonly Engine[];
  /** The same model, whole, for comparison. */
  readonly single: SimEngine;
  readonly url: string;
  /** Wait until nothing is left over anywhere; fail when something stays. */
  quiet(timeoutMs?: number): Promise<void>;
}

/** The simulated engines' model. */
export const MODEL = "sim-model";

/** Start one engine with seeded chance. */
export function startSim(options: Partial<SimOptions>, seed = 1): Promise<SimEngine> {
  return startSimEngine({ models: [MODEL], ...options }, {
    clock: systemClock(),
    random: seededRandom(seed),
    log: silentLogger(),
  });
}

/** Start a cluster. */
export async function startCluster(shape: ClusterShape = {}): Promise<Cluster> {
  const { prefills: p = 1, decodes: d = 1, ranks = 2 } = shape;
  await using stack = new AsyncDisposableStack();
  // Prefill engines connect to it before the router is there, as ZeroMQ allows.
  const proxyPort = freePort();
  const { protocol = "lmcache", modes = ["p1"] } = shape;
  const modeOf = (index: number): Mode => modes[index % modes.length] ?? "p1";
  const connector = {
    kvConnector: protocol,
    ...(protocol === "shared_storage" ? { sharedStore: createSharedStore() } : {}),
  } as const;
  const decodes: SimEngine[] = [];
  for (let index = 0; index < d; index++) {
    const options = {
      role: "decode",
      ranks,
      skipLastNTokens: modeOf(index) === "d1" ? 0 : 1,
      ...connector,
      ...shape.decode,
    } as const;
    decodes.push(stack.use(await startSim(options, 100 + index)));
  }
  const prefills: SimEngine[] = [];
  for (let index = 0; index < p; index++) {
    const options = {
      role: "prefill",
      ranks,
      proxyHost: "127.0.0.1",
      proxyPort,
      ...connector,
      ...shape.prefill,
    } as const;
    prefills.push(stack.use(await startSim(options, 200 + index)));
  }
  const single = stack.use(await startSim({ role: "any" }, 300));
  const { notifications } = shape;
  const records = [
    ...prefills.map((engine) => {
      const kvEvents = eventsOf(engine);
      return engineAt(engine.url, "prefill", {
        ...(notifications === undefined ? {} : { notifications }),
        ...(kvEvents === undefined ? {} : { kvEvents }),
      });
    }),
    ...decodes.map((engine, index) =>
      engineAt(engine.url, "decode", {
        nixl: {
          host: "127.0.0.1",
          initPorts: engine.initPorts,
          allocPorts: engine.allocPorts,
          modes: [modeOf(index)],
        },
      })
    ),
  ].map((record): Engine => ({ kv: protocol, ...record }));
  const { source } = shape;
  const router = stack.use(
    await startRouter(records, {
      ...shape.router,
      ...(source === undefined ? {} : {
        ports: { ...shape.router?.ports, sources: [source(records)] },
      }),
      handoff: {
        kind: protocol,
        proxy: { host: "127.0.0.1", port: proxyPort },
        ...shape.router?.handoff,
      },
    }),
  );
  const left = (): string => {
    const stats = router.app.stats();
    const running = [...prefills, ...decodes].map((engine) => engine.stats().runningNow);
    const held = decodes.map((engine) => engine.stats().heldKv);
    const counts = { ...stats, ...router.app.admission(), running: sum(running), held: sum(held) };
    return Object.values(counts).every((count) => count === 0) ? "" : JSON.stringify(counts);
  };
  const parts = stack.move();
  return {
    router,
    prefills,
    decodes,
    records,
    single,
    url: router.url,
    quiet: (timeoutMs = 15_000) => eventually(() => left() === "", left, timeoutMs),
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}

/** Sum of one counter over engines. */
export function total(
  engines: readonly SimEngine[],
  counter: "recomputes" | "staleReads" | "externalHits" | "prefills" | "plainOnSender" | "drains",
): number {
  return sum(engines.map((engine) => engine.stats()[counter]));
}

function sum(values: readonly number[]): number {
  return values.reduce((all, value) => all + value, 0);
}

/**
 * A port nothing uses, below those that connections get: one of these could take it before the
 * router binds it, as tests run side by side.
 */
export function freePort(): number {
  const [least, most] = [12_000, 32_000];
  for (;;) {
    const port = least + Math.floor(Math.random() * (most - least));
    try {
      using listener = Deno.listen({ hostname: "127.0.0.1", port });
      return listener.addr.port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
}
