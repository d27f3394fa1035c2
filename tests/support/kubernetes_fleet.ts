/** Simulated engines that are pods of a cluster, and a router that finds them there. @module */
import { startApp } from "../../lib/app.ts";
import { type Logger, seededRandom, silentLogger, systemClock } from "../../lib/base/mod.ts";
import { resolveConfig, type RouterConfig } from "../../lib/config/mod.ts";
import { fail } from "./assert.ts";
import { startSim } from "./cluster.ts";
import { frontPorts } from "./front.ts";
import { type KubernetesServer, podOf, type PodShape } from "./kubernetes_api/mod.ts";
import type { SimEngine, SimOptions } from "../../lib/sim/mod.ts";
import { type TestRouter, testRouter } from "./router.ts";

/** Flags of a router that finds its engines at `server`. */
export function kubernetesFlags(
  server: Pick<KubernetesServer, "url">,
  more: Readonly<Record<string, string>> = {},
): ReadonlyMap<string, readonly string[]> {
  return new Map(
    Object.entries({
      "host": "127.0.0.1",
      "port": "0",
      "service-discovery": "k8s",
      "k8s-api-server": server.url,
      "k8s-label-selector": "app=vllm",
      "routing-logic": "roundrobin",
      "expose-engines": "true",
      ...more,
    }).map(([name, value]) => [name, [value]]),
  );
}

/** The configuration of such a router. */
export function kubernetesConfig(
  server: Pick<KubernetesServer, "url">,
  more: Readonly<Record<string, string>> = {},
): RouterConfig {
  const result = resolveConfig({ flags: kubernetesFlags(server, more), env: () => undefined });
  return result.ok ? result.config : fail(JSON.stringify(result.problems));
}

/** Start it. */
export async function startFinding(
  server: Pick<KubernetesServer, "url">,
  more: Readonly<Record<string, string>> = {},
  log: Logger = silentLogger(),
): Promise<TestRouter> {
  const app = await startApp(kubernetesConfig(server, more), {
    clock: systemClock(),
    random: seededRandom(1),
    log,
    ...frontPorts(),
  });
  await app.probed;
  return testRouter(app);
}

/** An engine, and its pod. */
export interface PodEngine extends AsyncDisposable {
  readonly name: string;
  readonly engine: SimEngine;
}

/** Start an engine, and write its pod; it is ready where nothing else is said. */
export async function startPod(
  { api: { store } }: KubernetesServer,
  shape: Omit<PodShape, "ip" | "port">,
  options: Partial<SimOptions> = {},
): Promise<PodEngine> {
  const engine = await startSim(options);
  const { hostname, port } = new URL(engine.url);
  const annotations = { "pd-router/port": port, ...shape.annotations };
  store.create("pods", podOf({ ...shape, ip: hostname, port: Number(port), annotations }));
  return {
    name: shape.name,
    engine,
    [Symbol.asyncDispose]: () => engine[Symbol.asyncDispose](),
  };
}
