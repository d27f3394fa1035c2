/** Engines that are restarted one by one under streams, whoever tells the router of them. */
import { type App, type AppPorts, startApp } from "../../lib/app.ts";
import { seededRandom, silentLogger, systemClock } from "../../lib/base/mod.ts";
import type { RouterConfig } from "../../lib/config/mod.ts";
import { configOf } from "../config/support.ts";
import { TextOrigin } from "../reload/support.ts";
import { ask } from "../support/admin.ts";
import { assertEquals } from "../support/assert.ts";
import { frontPorts } from "../support/front.ts";
import { KubernetesServer, podOf } from "../support/kubernetes_api/mod.ts";
import {
  type Ground,
  type Home,
  type Orchestrator,
  restartAll,
  type RestartShape,
} from "../support/rolling_restart.ts";

const SHAPE: Omit<RestartShape, "firstHost"> = { engines: 4, clients: 200 };

type Values = Readonly<Record<string, string>>;

/** Settings of a router for the fleet of `ground`, but for its engines. */
function valuesFor({ proxyPort, initPort, allocPort }: Ground): Values {
  return {
    "host": "127.0.0.1",
    "port": "0",
    "admin-listen": "127.0.0.1:0",
    "routing-logic": "disaggregated_prefill",
    "nixl-proxy-host": "127.0.0.1",
    "nixl-proxy-port": String(proxyPort),
    "nixl-peer-init-port": String(initPort),
    "nixl-peer-alloc-port": String(allocPort),
    "expose-engines": "true",
    // Engines that share a busy machine with 200 clients may be silent for long, and are not frozen.
    "frozen-after": "60",
  };
}

interface Started extends AsyncDisposable {
  readonly app: App;
  readonly routerUrl: string;
  readonly adminUrl: string;
}

async function start(config: RouterConfig, ports: Partial<AppPorts> = {}): Promise<Started> {
  const app = await startApp(config, {
    clock: systemClock(),
    random: seededRandom(1),
    log: silentLogger(),
    ...frontPorts(),
    ...ports,
  });
  await app.probed;
  return {
    app,
    routerUrl: `http://127.0.0.1:${app.address.port}`,
    adminUrl: `http://127.0.0.1:${app.admin?.port}`,
    [Symbol.asyncDispose]: () => app[Symbol.asyncDispose](),
  };
}

async function drain({ adminUrl }: Started, { url }: Home): Promise<void> {
  const path = `/admin/engines/${encodeURIComponent(new URL(url).host)}/drain`;
  assertEquals((await ask(adminUrl, "POST", path)).status, 200);
}

/** The first of each role are configured; all others are added. */
async function byAdmin(ground: Ground): Promise<Orchestrator> {
  const router = await start(configOf({ flags: { ...valuesFor(ground), ...firstOf(ground) } }));
  const { adminUrl } = router;
  const given = new Set(Object.values(firstOf(ground)));
  const comes = async ({ url, role }: Home): Promise<void> => {
    const added = await ask(adminUrl, "POST", "/admin/engines", { body: { url, role } });
    assertEquals(added.status, 201, JSON.stringify(added.json));
  };
  for (const home of ground.homes) if (!given.has(home.url)) await comes(home);
  return {
    ...router,
    comes,
    leaves: (home) => drain(router, home),
    async goes({ url }) {
      // What the configuration has stays drained.
      if (given.has(url)) return;
      const path = `/admin/engines/${encodeURIComponent(new URL(url).host)}`;
      const { status } = await ask(adminUrl, "DELETE", path);
      assertEquals(Math.floor(status / 100), 2);
    },
  };
}

function firstOf({ homes }: Ground): Values {
  const first = (role: Home["role"]): string => homes.find((home) => home.role === role)?.url ?? "";
  return { prefill: first("prefill"), decode: first("decode") };
}

/** What the file has is served; engines are drained before they are taken out of it. */
async function byFile(ground: Ground): Promise<Orchestrator> {
  const there = new Map(ground.homes.map((home) => [home.name, home]));
  const text = (): string => {
    const values = Object.entries(valuesFor(ground))
      .map(([name, value]) => `${name.replaceAll("-", "_")}: ${value}\n`);
    const engines = [...there.values()].map(({ url, role }) =>
      `  - {url: "${url}", role: ${role}}\n`
    );
    return `${values.join("")}engines:\n${engines.join("")}`;
  };
  const origin = new TextOrigin(text());
  const router = await start(origin.start.loaded.config, {
    origin: {
      look: origin.look,
      taken: (loaded) => origin.taken(loaded),
      start: { ...origin.start, loaded: { ...origin.start.loaded, hooks: {} } },
      async read() {
        const read = await origin.read();
        return read.ok ? { ...read, loaded: { ...read.loaded, hooks: {} } } : read;
      },
    },
  });
  const reload = async (): Promise<void> => {
    origin.text = text();
    const report = await router.app.reload();
    assertEquals(report.result, "applied");
  };
  return {
    ...router,
    async comes(home) {
      there.set(home.name, home);
      await reload();
    },
    leaves: (home) => drain(router, home),
    async goes({ name }) {
      there.delete(name);
      await reload();
    },
  };
}

/** Pods, which are told to go a while before they end. */
async function byKubernetes(ground: Ground): Promise<Orchestrator> {
  const server = new KubernetesServer();
  const { store } = server.api;
  const pod = ({ name, host: ip, port, role }: Home): ReturnType<typeof podOf> =>
    podOf({ name, ip, port, labels: { "pd-router/role": role } });
  for (const home of ground.homes) store.create("pods", pod(home));
  const router = await start(configOf({
    flags: {
      ...valuesFor(ground),
      "service-discovery": "k8s",
      "k8s-api-server": server.url,
      "k8s-label-selector": "app=vllm",
      "k8s-port": String(ground.port),
    },
  }));
  return {
    ...router,
    comes: async (home) => void await store.create("pods", pod(home)),
    leaves: async ({ name }) =>
      void await store.update("pods", name, (object) => ({
        ...object,
        metadata: { ...object.metadata, deletionTimestamp: "2026-01-01T00:00:30Z" },
      })),
    goes: async ({ name }) => void await store.remove("pods", name),
    async [Symbol.asyncDispose]() {
      await router[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

const SOURCES = [
  ["the admin API", 20, byAdmin],
  ["a file that is read again", 60, byFile],
  ["Kubernetes", 100, byKubernetes],
] as const;

for (const [name, firstHost, orchestrate] of SOURCES) {
  Deno.test(`4P4D are restarted one by one under 200 streams, and nobody notices: ${name}`, async () => {
    await restartAll({ ...SHAPE, firstHost }, orchestrate);
  });
}
