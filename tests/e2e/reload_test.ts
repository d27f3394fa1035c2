import { type App, startApp } from "../../lib/app.ts";
import { seededRandom, silentLogger, systemClock } from "../../lib/base/mod.ts";
import type { LoadedHooks } from "../../lib/hooks/mod.ts";
import type { ConfigOrigin, ConfigRead } from "../../lib/reload/mod.ts";
import { TextOrigin } from "../reload/support.ts";
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { freePort, MODEL, startSim } from "../support/cluster.ts";
import { eventually } from "../support/eventually.ts";
import { frontPorts } from "../support/front.ts";
import { post } from "../support/router.ts";
import { socketsOf } from "../support/sockets.ts";

const HERE = "host: 127.0.0.1\nport: 0\nexpose_engines: true\n";

/** A router whose configuration is a text. */
interface Reloading extends AsyncDisposable {
  readonly app: App;
  readonly url: string;
  readonly origin: TextOrigin;
  /** Hooks of what is read from here on. */
  hooks: LoadedHooks;
  /** Have it read `text`. */
  take(text: string): ReturnType<App["reload"]>;
}

async function start(text: string): Promise<Reloading> {
  const origin = new TextOrigin(`${HERE}${text}`);
  let hooks: LoadedHooks = {};
  const withHooks: ConfigOrigin<LoadedHooks> = {
    start: { ...origin.start, loaded: { ...origin.start.loaded, hooks } },
    look: origin.look,
    taken: (loaded) => origin.taken(loaded),
    async read(): Promise<ConfigRead<LoadedHooks>> {
      const read = await origin.read();
      return read.ok ? { ...read, loaded: { ...read.loaded, hooks } } : read;
    },
  };
  const app = await startApp(origin.start.loaded.config, {
    clock: systemClock(),
    random: seededRandom(1),
    log: silentLogger(),
    ...frontPorts(),
    origin: withHooks,
  });
  await app.probed;
  return {
    app,
    url: `http://127.0.0.1:${app.address.port}`,
    origin,
    get hooks() {
      return hooks;
    },
    set hooks(next) {
      hooks = next;
    },
    take(next) {
      origin.text = `${HERE}${next}`;
      return app.reload();
    },
    [Symbol.asyncDispose]: () => app[Symbol.asyncDispose](),
  };
}

function backends(urls: readonly string[], logic = "roundrobin"): string {
  return `routing_logic: ${logic}\nstatic_backends: [${urls.join(", ")}]\nstatic_models: [${
    urls.map(() => MODEL).join(", ")
  }]\n`;
}

const ASK = { model: MODEL, prompt: "The river", max_tokens: 4 };

async function statusOf(answer: Promise<Response>): Promise<number> {
  const { status, body } = await answer;
  await body?.cancel();
  return status;
}

/** Tokens of a stream of `count`, which ends whole. */
async function streamed(url: string, count: number, begun: () => void): Promise<string> {
  const answer = await post(`${url}/v1/completions`, {
    ...ASK,
    prompt: `[[sim:len ${count}]] a`,
    max_tokens: count,
    stream: true,
  });
  begun();
  return await answer.text();
}

async function listed(url: string): Promise<readonly string[]> {
  const engines: { readonly url: string }[] = await (await fetch(`${url}/engines`)).json();
  return engines.map((engine) => engine.url).sort();
}

Deno.test("a reload exchanges engines under streams, which end on those they began with", async () => {
  await using stack = new AsyncDisposableStack();
  const engines = await Promise.all(
    [1, 2, 3].map(async (seed) => stack.use(await startSim({ role: "any", itlMs: 20 }, seed))),
  );
  const urls = engines.map(({ url }) => url).sort();
  const router = stack.use(await start(backends(urls.slice(0, 2))));
  let begun = 0;
  const streams = Array.from({ length: 20 }, () => streamed(router.url, 40, () => begun++));
  await eventually(() => begun === 20);
  const report = await router.take(`${backends(urls.slice(2), "session")}session_key: x-user\n`);
  assertEquals(report.result, "applied");
  assert(report.applied.includes("engines") && report.applied.includes("routing-logic"));
  await eventually(async () => (await listed(router.url)).join() === urls.slice(2).join());
  assertEquals(await statusOf(post(`${router.url}/v1/completions`, ASK)), 200);
  for (const text of await Promise.all(streams)) assertMatch(text, /data: \[DONE\]\s*$/);
});

Deno.test("a reload takes aliases, the root path, keys and limits; a bad file leaves everything", async () => {
  await using engine = await startSim({ role: "any" });
  const plain = backends([engine.url]);
  await using router = await start(plain);
  const ask = (path: string, model: string, headers = {}): Promise<number> =>
    statusOf(post(`${router.url}${path}/v1/completions`, { ...ASK, model }, { headers }));
  assertEquals(await ask("", "short"), 404);
  const more = `${plain}static_aliases: {short: ${MODEL}}\nroot_path: /llm\napi_key: [hush]\n`;
  const { result, restart } = await router.take(`${more}max_connections: 9\n`);
  assertEquals([result, restart], ["applied", ["max-connections"]]);
  assertEquals(await ask("/llm", "short"), 401);
  assertEquals(await ask("/llm", "short", { authorization: "Bearer hush" }), 200);
  const health = await (await fetch(`${router.url}/llm/health`)).json();
  assertEquals(health, { status: "healthy", config_needs_restart: "--max-connections" });
  const bad = await router.take(`${plain}queue_size: many\nsatic_models: x\n`);
  assertEquals([bad.result, bad.problems.length], ["refused", 2]);
  assertEquals(await ask("/llm", "short", { authorization: "Bearer hush" }), 200);
  const told = await (await fetch(`${router.url}/health`)).json();
  assertMatch(told.config_refused, /satic_models in pd\.yaml.*queue_size in pd\.yaml/);
  const metrics = await (await fetch(`${router.url}/metrics`)).text();
  assertMatch(metrics, /^pd_router_config_last_reload_success 0$/m);
  assertMatch(metrics, /^pd_router_config_reloads_total\{result="refused"\} 1$/m);
  assertMatch(metrics, /^pd_router_config_restart_needed 1$/m);
  assertEquals((await router.take(plain)).result, "applied");
  assertEquals(await ask("", "short"), 404);
  assertEquals(await ask("", MODEL), 200);
  assertEquals(await (await fetch(`${router.url}/health`)).json(), { status: "healthy" });
});

Deno.test("a reload goes from one engine to handoffs and back, and between protocols", async () => {
  await using stack = new AsyncDisposableStack();
  const proxyPort = freePort();
  const connector = { kvConnector: "nixl", ranks: 1 } as const;
  const nixl = [
    stack.use(await startSim({ role: "prefill", ...connector }, 1)),
    stack.use(await startSim({ role: "decode", ...connector, itlMs: 20 }, 2)),
  ] as const;
  const lmcache = [
    stack.use(
      await startSim({ role: "prefill", ranks: 1, proxyHost: "127.0.0.1", proxyPort }, 3),
    ),
    stack.use(await startSim({ role: "decode", ranks: 1, skipLastNTokens: 1 }, 4)),
  ] as const;
  const alone = stack.use(await startSim({ role: "any" }, 5));
  const router = stack.use(await start(backends([alone.url])));
  const ask = (): Promise<number> =>
    statusOf(post(`${router.url}/v1/completions`, { ...ASK, stream: true }));
  const handing = (text: string): Promise<void> =>
    eventually(async () => (await listed(router.url)).join() === text);
  const pairOf = ([one, other]: typeof nixl): string => [one.url, other.url].sort().join();
  assertEquals(await ask(), 200);
  const pair = `prefill: ${nixl[0].url}\ndecode: ${nixl[1].url}\nkv_protocol: nixl\n`;
  assertEquals((await router.take(pair)).restart, []);
  await handing(pairOf(nixl));
  await eventually(async () => await ask() === 200 && nixl[0].stats().prefills > 0);
  // What has begun ends by the protocol with which it began.
  let begun = 0;
  const streams = Array.from({ length: 8 }, () => streamed(router.url, 40, () => begun++));
  await eventually(() => begun === 8);
  const { initPorts, allocPorts } = lmcache[1];
  const other = `prefill: ${lmcache[0].url}\n` +
    `decode: ${lmcache[1].url};init=${initPorts.join()};alloc=${allocPorts.join()}\n` +
    `nixl_proxy_host: 127.0.0.1\nnixl_proxy_port: ${proxyPort}\n`;
  assertEquals((await router.take(other)).restart, []);
  assertEquals(router.app.notifications?.port, proxyPort);
  await handing(pairOf(lmcache));
  await eventually(async () => await ask() === 200 && lmcache[0].stats().prefills > 0);
  for (const text of await Promise.all(streams)) assertMatch(text, /data: \[DONE\]\s*$/);
  assertEquals((await router.take(backends([alone.url]))).result, "applied");
  await handing(alone.url);
  assertEquals([await ask(), router.app.notifications], [200, undefined]);
  // The socket has gone with the last of its requests.
  await eventually(async () => {
    const { background, waiters } = router.app.stats();
    return background + waiters === 0 && await isFree(proxyPort);
  });
});

async function isFree(port: number): Promise<boolean> {
  try {
    const listener = Deno.listen({ hostname: "127.0.0.1", port });
    listener.close();
    return await Promise.resolve(true);
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) return false;
    throw error;
  }
}

Deno.test("a reload that cannot bind is refused, and everything is as before", async () => {
  await using engine = await startSim({ role: "any" });
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await using router = await start(backends([engine.url]));
  const { result, problems } = await router.take(
    `prefill: http://127.0.0.1:9\ndecode: http://127.0.0.2:9\nnixl_proxy_host: 127.0.0.1\n` +
      `nixl_proxy_port: ${taken.addr.port}\n`,
  );
  assertEquals(result, "refused");
  assertMatch(problems.join(), new RegExp(String(taken.addr.port)));
  assertEquals(await statusOf(post(`${router.url}/v1/completions`, ASK)), 200);
  assertEquals(await listed(router.url), [engine.url]);
});

Deno.test("a reload takes other hooks, and checks of engines", async () => {
  await using engine = await startSim({ role: "any" });
  await using router = await start(backends([engine.url]));
  router.hooks = {
    callbacks: { preRequest: () => Promise.resolve(new Response("no", { status: 418 })) },
  };
  const hooked = `${backends([engine.url])}callbacks: h.ts:it\n`;
  assertEquals((await router.take(hooked)).applied, ["callbacks", "modules"]);
  assertEquals(await statusOf(post(`${router.url}/v1/completions`, ASK)), 418);
  router.hooks = {};
  const checked = `${backends([engine.url])}static_model_types: completion\n` +
    "static_backend_health_checks: true\nstatic_backend_health_check_interval: 1\n";
  const asked = (): number => engine.stats().requestsByPath["/v1/completions"] ?? 0;
  const before = asked();
  assertEquals((await router.take(checked)).result, "applied");
  await eventually(() => asked() > before);
  assertEquals(await statusOf(post(`${router.url}/v1/completions`, ASK)), 200);
});

Deno.test("POST /admin/reload tells what has changed, and 409 what is wrong; engines added there stay", async () => {
  await using stack = new AsyncDisposableStack();
  const [one, added] = await Promise.all([1, 2].map((seed) => startSim({ role: "any" }, seed)));
  assert(one !== undefined && added !== undefined);
  stack.use(one);
  stack.use(added);
  const admin = `${backends([one.url])}admin_listen: 127.0.0.1:0\n`;
  const router = stack.use(await start(admin));
  const url = `http://127.0.0.1:${router.app.admin?.port}/admin`;
  const ask = async (path: string, body?: unknown): Promise<readonly [number, string]> => {
    const answer = await post(`${url}/${path}`, body ?? "");
    return [answer.status, await answer.text()];
  };
  assertEquals((await ask("engines", { url: added.url }))[0], 201);
  router.origin.text = `${HERE}${admin}static_aliases: {x: ${MODEL}}\nlabels: 1\n`;
  const [refused, why] = await ask("reload");
  assertEquals(refused, 409);
  assertMatch(why, /labels in pd\.yaml: unknown key/);
  router.origin.text = `${HERE}${admin}static_aliases: {x: ${MODEL}}\n`;
  const [status, text] = await ask("reload");
  assertEquals(status, 200);
  const { result, applied, restart } = JSON.parse(text);
  assertEquals([result, applied, restart], ["applied", ["static-aliases"], []]);
  assertEquals((await router.take(`${admin}prefill_model_labels: p\n`)).result, "applied");
  await eventually(async () => (await listed(router.url)).length === 2);
  assertEquals(await statusOf(post(`${router.url}/v1/completions`, { ...ASK, model: "x" })), 404);
});

Deno.test("200 reloads under load leave no socket, no engine and nothing under way", async () => {
  await using stack = new AsyncDisposableStack();
  const [one, other] = await Promise.all([1, 2].map((seed) => startSim({ role: "any" }, seed)));
  assert(one !== undefined && other !== undefined);
  stack.use(one);
  stack.use(other);
  const logics = ["roundrobin", "prefixaware", "kvaware", "session"] as const;
  const text = (round: number): string =>
    `${
      backends([[one.url], [other.url], [one.url, other.url]][round % 3] ?? [], logics[round % 4])
    }` +
    `session_key: x-user\nstatic_aliases: {a${round % 5}: ${MODEL}}\n` +
    `engine_stats_interval: ${1 + round % 2}\nqueue_size: ${100 + round}\n`;
  const router = stack.use(await start(text(0)));
  let asking = true;
  let asked = 0;
  const askers = Array.from({ length: 4 }, async () => {
    while (asking) {
      assertEquals(await statusOf(post(`${router.url}/v1/completions`, ASK)), 200);
      asked++;
    }
  });
  for (let round = 1; round <= 200; round++) {
    assertEquals((await router.take(text(round))).result, "applied");
  }
  asking = false;
  await Promise.all(askers);
  assert(asked > 0);
  assertEquals((await router.take(text(0))).result, "applied");
  await eventually(async () => (await listed(router.url)).join() === one.url);
  await eventually(() => router.app.stats().background === 0);
  const { inflight, waiters, connections } = router.app.stats();
  assertEquals([inflight, waiters, connections], [0, 0, 0]);
  // Nobody is connected to an engine that is not there any more.
  const { port } = new URL(other.url);
  await eventually(() => socketsOf(Number(port)) === 0);
});
