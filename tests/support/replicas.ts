/** Several routers joined by a Redis, in one process, before simulated engines that notify one of them. @module */
import { clusterSeat, openCluster } from "../../lib/app_cluster.ts";
import {
  type Engine,
  type Logger,
  seededRandom,
  silentLogger,
  systemClock,
} from "../../lib/base/mod.ts";
import type { Cluster } from "../../lib/cluster/mod.ts";
import { parseClusterUrl } from "../../lib/config/mod.ts";
import type { SimEngine } from "../../lib/sim/mod.ts";
import { freePort, MODEL, startSim } from "./cluster.ts";
import { eventually } from "./eventually.ts";
import { engineAt, type RouterChanges, startRouter, type TestRouter } from "./router.ts";

/** One of them. */
export interface Replica {
  readonly router: TestRouter;
  readonly cluster: Cluster;
  readonly url: string;
}

/** All of them, and the engines before which they stand. */
export interface Replicas extends AsyncDisposable {
  readonly all: readonly Replica[];
  at(index: number): Replica;
  readonly prefill: SimEngine;
  readonly decode: SimEngine;
  /** The same model, whole, for comparison. */
  readonly single: SimEngine;
  /** Resolves when each is connected and hears all others. */
  met(): Promise<void>;
}

/** How they are started. */
export interface ReplicasShape {
  readonly count: number;
  /** Of the Redis. */
  readonly url: string;
  readonly ranks?: number;
  readonly router?: RouterChanges;
  readonly log?: (index: number) => Logger;
  /** Of the prefill engine: the replica that its ranks notify. */
  readonly notified?: number;
}

/** Start them. */
export async function startReplicas(shape: ReplicasShape): Promise<Replicas> {
  const { count, url, ranks = 2, router: changes, log = silentLogger, notified = 0 } = shape;
  await using stack = new AsyncDisposableStack();
  const ports = Array.from({ length: count }, () => freePort());
  const decode = stack.use(await startSim({ role: "decode", ranks, skipLastNTokens: 1 }, 100));
  const proxyPort = ports[notified] ?? 0;
  const prefill = stack.use(
    await startSim({ role: "prefill", ranks, proxyHost: "127.0.0.1", proxyPort }, 200),
  );
  const single = stack.use(await startSim({ role: "any" }, 300));
  const engines = [
    engineAt(prefill.url, "prefill"),
    engineAt(decode.url, "decode", {
      nixl: {
        host: "127.0.0.1",
        initPorts: decode.initPorts,
        allocPorts: decode.allocPorts,
        modes: ["p1"],
      },
    }),
  ].map((record): Engine => ({ kv: "lmcache", ...record }));
  const all: Replica[] = [];
  for (const [index, port] of ports.entries()) {
    const cluster = stack.use(await joinAt(url, index, log(index)));
    const router = stack.use(
      await startRouter(engines, {
        ...changes,
        seed: 1_000 + index,
        log_: log(index),
        ports: { ...changes?.ports, ...clusterSeat(cluster) },
        handoff: { proxy: { host: "127.0.0.1", port }, ...changes?.handoff },
      }),
    );
    all.push({ router, cluster, url: router.url });
  }
  const held = stack.move();
  return {
    all,
    at(index) {
      const replica = all[index];
      if (replica === undefined) throw new Error(`There is no replica ${index}`);
      return replica;
    },
    prefill,
    decode,
    single,
    met: () =>
      eventually(
        () => all.every(({ cluster }) => cluster.connected && cluster.replicas === count),
        () => `replicas heard: ${all.map(({ cluster }) => cluster.replicas)}`,
      ),
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

/** One member of the cluster at `url`, with chance of its own. */
export async function joinAt(
  url: string,
  index: number,
  log: Logger = silentLogger(),
): Promise<Cluster> {
  const server = parseClusterUrl(url);
  if (!server.ok) throw new Error(server.message);
  const cluster = await openCluster({ cluster: { ...server.value, name: "test" } }, {
    clock: systemClock(),
    random: seededRandom(2_000 + index),
    log,
  });
  if (cluster === undefined) throw new Error("There is no cluster");
  return cluster;
}

/** A prompt of the model's, each another. */
export function promptOf(number: number): Readonly<Record<string, unknown>> {
  return { model: MODEL, prompt: `Question ${number} about the river`, max_tokens: 8 };
}
