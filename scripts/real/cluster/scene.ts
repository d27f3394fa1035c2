/** Replicas behind nginx, each a process, before simulated engines whose notifications are balanced. @module */
import type { SimEngine } from "../../../lib/sim/mod.ts";
import { freePort, startSim } from "../../../tests/support/cluster.ts";
import { eventually } from "../../../tests/support/eventually.ts";
import { type Nginx, startNginx } from "../../../tests/support/nginx.ts";
import { type RedisServer, startRedis } from "../../../tests/support/redis.ts";
import { type RouterProcesses, startProcesses } from "../../../tests/support/router_processes.ts";
import { metricOf } from "../../../tests/support/routers.ts";
import { startBalancer } from "./balancer.ts";

/** All that stands. */
export interface Scene extends AsyncDisposable {
  /** Of nginx. */
  readonly url: string;
  readonly replicas: readonly RouterProcesses[];
  readonly redis: RedisServer;
  /** One engine alone, which says what is right. */
  readonly single: SimEngine;
  /** Sum of a counter over the replicas that are there. */
  sum(series: string): Promise<number>;
  /** How often decode engines computed KV that should have come, and how often they read it too early. */
  misses(): { readonly recomputes: number; readonly staleReads: number };
}

/** Engines of each kind, and ranks of each. */
const ENGINES = 2;
const RANKS = 2;

/** Start `count` replicas. */
export async function openScene(count: number): Promise<Scene> {
  await using stack = new AsyncDisposableStack();
  const redis = stack.use(await startRedis());
  const ports = Array.from({ length: count }, () => freePort());
  const balancer = stack.use(startBalancer(ports));
  const decodes: SimEngine[] = [];
  const prefills: SimEngine[] = [];
  for (let index = 0; index < ENGINES; index++) {
    const decode = { role: "decode", ranks: RANKS, skipLastNTokens: 1 } as const;
    decodes.push(stack.use(await startSim(decode, 100 + index)));
    const proxy = { proxyHost: "127.0.0.1", proxyPort: balancer.port };
    prefills.push(
      stack.use(await startSim({ role: "prefill", ranks: RANKS, ...proxy }, 200 + index)),
    );
  }
  const single = stack.use(await startSim({ role: "any" }, 300));
  const engines = [
    ...prefills.flatMap(({ url }) => ["--prefill", url]),
    ...decodes.flatMap(({ url, initPorts, allocPorts }) => [
      "--decode",
      `${url};init=${initPorts};alloc=${allocPorts}`,
    ]),
  ];
  const replicas = await Promise.all(ports.map(async (port) =>
    stack.use(
      await startProcesses({
        workers: 1,
        launched: true,
        args: [
          "--port=0",
          "--nixl-proxy-host=127.0.0.1",
          `--nixl-proxy-port=${port}`,
          `--cluster=${redis.url}`,
          ...engines,
        ],
      }),
    )
  ));
  for (const { url } of replicas) {
    await eventually(async () => await metricOf(url, "pd_router_cluster_replicas") === count);
  }
  const nginx: Nginx = stack.use(
    await startNginx(freePort(), replicas.map(({ url }) => Number(new URL(url).port))),
  );
  const held = stack.move();
  return {
    url: nginx.url,
    replicas,
    redis,
    single,
    async sum(series) {
      const values = await Promise.all(
        replicas.map(({ url }) => metricOf(url, series).catch(() => 0)),
      );
      return values.reduce((all, value) => all + value, 0);
    },
    misses() {
      const stats = decodes.map((engine) => engine.stats());
      return {
        recomputes: stats.reduce((all, each) => all + each.recomputes, 0),
        staleReads: stats.reduce((all, each) => all + each.staleReads, 0),
      };
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}
