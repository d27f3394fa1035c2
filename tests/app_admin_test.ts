import { startApp } from "../lib/app.ts";
import { RouterError, seededRandom, sha256, silentLogger, systemClock } from "../lib/base/mod.ts";
import { TextOrigin } from "./reload/support.ts";
import { ask, OPEN_ADMIN, startAdminRouter } from "./support/admin.ts";
import { assertEquals, assertRejects, assertStringIncludes } from "./support/assert.ts";
import { MODEL, startSim } from "./support/cluster.ts";
import { eventually } from "./support/eventually.ts";
import { post } from "./support/router.ts";

Deno.test("the admin API is on its own listener alone", async () => {
  await using router = await startAdminRouter([]);
  for (const [url, path] of [[router.url, "/admin/engines"], [router.adminUrl, "/v1/models"]]) {
    assertEquals((await ask(url ?? "", "GET", path ?? "")).status, 404);
  }
});

Deno.test("the admin API asks for its own keys, and a changed file of them counts", async () => {
  const file = await Deno.makeTempFile({ suffix: ".yaml" });
  try {
    await Deno.writeTextFile(file, "- {name: ops, key: sk-ops}\n");
    const admin = { ...OPEN_ADMIN, keys: { given: [sha256("sk-1")], file } };
    await using router = await startAdminRouter([], { admin });
    const status = async (headers: Record<string, string>): Promise<number> =>
      (await ask(router.adminUrl, "GET", "/admin/engines", { headers })).status;
    assertEquals(await status({}), 401);
    assertEquals(await status({ authorization: "Bearer sk-2" }), 401);
    assertEquals(await status({ authorization: "Bearer sk-1" }), 200);
    assertEquals(await status({ "x-api-key": "sk-ops" }), 200);
    await Deno.writeTextFile(file, "- {name: ops, key: sk-other-ops}\n");
    await eventually(async () => await status({ "x-api-key": "sk-other-ops" }) === 200);
    assertEquals(await status({ "x-api-key": "sk-ops" }), 401);
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("startApp() rejects where the admin API's address is taken, and leaves nothing behind", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr;
  const admin = { ...OPEN_ADMIN, listen: { host: "127.0.0.1", port } };
  const error = await assertRejects(() => startAdminRouter([], { admin }), RouterError);
  assertStringIncludes(error.message, `Cannot listen on 127.0.0.1:${port} (--admin-listen)`);
});

Deno.test("the admin API stays up while the router drains, and ends with it, whoever waits", async () => {
  await using engine = await startSim({ itlMs: 15 });
  const router = await startAdminRouter([{ url: engine.url, role: "any", models: [MODEL] }]);
  const answer = await post(`${router.url}/v1/completions`, {
    model: MODEL,
    prompt: "Tell me of the river",
    max_tokens: 30,
    stream: true,
  });
  const drained = router.app.drain(10_000);
  const { status, json } = await ask(router.adminUrl, "GET", "/admin/engines");
  assertEquals([status, json.engines[0].inflight], [200, 1]);
  assertStringIncludes(await answer.text(), "[DONE]");
  await drained;
  const path = `/admin/engines/${new URL(engine.url).host}`;
  assertEquals((await ask(router.adminUrl, "GET", path)).json.inflight, 0);
  await router[Symbol.asyncDispose]();
  await assertRejects(() => ask(router.adminUrl, "GET", path), TypeError);
});

Deno.test("whoever waits for an engine does not keep the router from ending", async () => {
  await using engine = await startSim({ itlMs: 50 });
  const router = await startAdminRouter([{ url: engine.url, role: "any", models: [MODEL] }]);
  const answer = await post(`${router.url}/v1/completions`, {
    model: MODEL,
    prompt: "Tell me of the river",
    max_tokens: 200,
    stream: true,
  });
  const path = `/admin/engines/${new URL(engine.url).host}/drain?wait=600`;
  const waiting = ask(router.adminUrl, "POST", path).then(() => "answered", () => "cut off");
  await eventually(async () =>
    (await ask(router.adminUrl, "GET", "/admin/engines")).json.engines[0].state === "draining"
  );
  await router[Symbol.asyncDispose]();
  await waiting;
  await answer.body?.cancel();
});

Deno.test("POST /admin/reload reads the configuration again; what was added and drained by hand stays", async () => {
  const here = `host: 127.0.0.1\nport: 0\nadmin_listen: 127.0.0.1:0\nrouting_logic: roundrobin\n`;
  const engines = (...ports: readonly number[]): string =>
    `${here}engines: [${ports.map((port) => `{url: "http://127.0.0.1:${port}"}`).join(", ")}]\n`;
  const origin = new TextOrigin(engines(8, 9));
  const hooks = {};
  const loaded = { ...origin.start.loaded, hooks };
  await using app = await startApp(loaded.config, {
    clock: systemClock(),
    random: seededRandom(1),
    log: silentLogger(),
    origin: {
      start: { ...origin.start, loaded },
      taken: () => {},
      async read() {
        const read = await origin.read();
        return read.ok ? { ...read, loaded: { ...read.loaded, hooks } } : read;
      },
    },
  });
  const url = `http://127.0.0.1:${app.admin?.port}`;
  await ask(url, "POST", "/admin/engines", { body: { url: "http://127.0.0.1:7" } });
  await ask(url, "POST", "/admin/engines/127.0.0.1:9/drain");
  const reload = (): ReturnType<typeof ask> => ask(url, "POST", "/admin/reload");
  assertEquals((await reload()).json.result, "unchanged");
  origin.text = engines(9, 10);
  const { status, json } = await reload();
  assertEquals([status, json.result, json.applied.includes("engines")], [200, "applied", true]);
  const states = async (): Promise<readonly string[]> =>
    (await ask(url, "GET", "/admin/engines")).json.engines
      .map(({ id, source, drained }: Record<string, unknown>) => `${id} ${source} ${drained}`)
      .sort();
  const expected = [
    "127.0.0.1:10 configuration false",
    "127.0.0.1:7 admin false",
    "127.0.0.1:9 configuration true",
  ];
  await eventually(async () => (await states()).join() === expected.join());
  origin.text = `${here}engines: nonsense\n`;
  const refused = await reload();
  assertEquals(refused.status, 409);
  assertStringIncludes(refused.json.error.message, "engines in pd.yaml");
  assertEquals(await states(), expected);
});
