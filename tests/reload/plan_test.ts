import { FIELDS, planReload } from "../../lib/reload/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { BASE, resolved } from "./support.ts";

Deno.test("planReload() takes what is live, and names it", () => {
  const plan = planReload(
    resolved(BASE),
    resolved(`${BASE}static_aliases: {x: m}\nroot_path: /llm\nlog_level: debug\n`),
  );
  assertEquals([...plan.applied].sort(), ["log-level", "root-path", "static-aliases"]);
  assertEquals(plan.restart, []);
  assertEquals([...plan.config.aliases], [["x", "m"]]);
  assertEquals([plan.config.rootPath, plan.config.log.level], ["/llm", "debug"]);
});

Deno.test("planReload() takes engines, and tells of them as such", () => {
  const next = BASE.replace("http://a:1", "http://b:1");
  const plan = planReload(resolved(BASE), resolved(next));
  assertEquals(plan.applied, ["static-backends", "engines"]);
  assertEquals(plan.config.discovery.listed.map(({ raw }) => raw.url), ["http://b:1"]);
});

Deno.test("planReload() keeps what needs a start, and takes the rest", () => {
  const running = resolved(BASE);
  const next = resolved(`${BASE}port: 9000\nkeep_alive_timeout: 7\nroot_path: /llm\n`);
  const plan = planReload(running, next);
  assertEquals([plan.applied, plan.restart], [["root-path"], ["port", "keep-alive-timeout"]]);
  assertEquals(plan.config.listen, running.config.listen);
  assertEquals(plan.config.clients, running.config.clients);
  // It is named again as long as it differs, and not when it is as it was.
  const { restart } = planReload(plan, resolved(`${BASE}port: 9000\nroot_path: /llm\n`));
  assertEquals(restart, ["port"]);
  assertEquals(planReload(plan, resolved(`${BASE}root_path: /llm\n`)).restart, []);
});

Deno.test("planReload() decides within a field that is partly live", () => {
  const running = resolved(BASE);
  const text = `${BASE}engine_failures: 9\nretry_budget: 0.7\nexpose_engines: true\n`;
  const plan = planReload(running, resolved(`${text}allowed_origins: https://a.example\n`));
  assertEquals([...plan.restart].sort(), ["engine-failures", "expose-engines"]);
  assertEquals(plan.config.health, { ...running.config.health, retryShare: 0.7 });
  assertEquals(plan.config.answers.exposeEngines, false);
  assertEquals(plan.config.answers.allowedOrigins, ["https://a.example"]);
});

Deno.test("planReload() says nothing of what follows from other settings alone", () => {
  const off = resolved(BASE);
  const on = resolved(
    "prefill: http://p:1\ndecode: http://d:1\nmax_open_files: 4096\n",
  );
  const { restart, config } = planReload(resolved(`${BASE}max_open_files: 4096\n`), on);
  assertEquals(restart, []);
  assertEquals([off.config.handoff.kind, config.handoff.kind], ["none", "lmcache"]);
  assertEquals(config.discovery.rules.usual, "lmcache");
});

Deno.test("planReload() exchanges KV protocols, but no socket for the same one", () => {
  const pair = "prefill: http://p:1\ndecode: http://d:1\n";
  const running = resolved(pair);
  const waits = planReload(running, resolved(`${pair}nixl_kv_ready_timeout: 3\n`));
  assertEquals([waits.applied, waits.restart], [[], ["nixl-kv-ready-timeout"]]);
  assertEquals(waits.config.handoff, running.config.handoff);
  const nixl = planReload(running, resolved(`${pair}kv_protocol: nixl\n`));
  assertEquals([nixl.config.handoff.kind, nixl.restart], ["nixl", []]);
});

Deno.test("planReload() finds nothing where a text is another and says the same", () => {
  const plan = planReload(resolved(BASE), resolved(`# a remark\n${BASE}`));
  assertEquals([plan.applied, plan.restart], [[], []]);
});

Deno.test("FIELDS has a fate for every field of a configuration", () => {
  const { config } = resolved(`${BASE}enable_batch_api: true\ncanary: true\n`);
  const missing = Object.keys(config).filter((name) => !(name in FIELDS));
  assertEquals(missing, []);
});
