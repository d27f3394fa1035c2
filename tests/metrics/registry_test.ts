import { METRICS, Metrics, type MetricSpec, STACK_METRICS } from "../../lib/metrics/mod.ts";
import { assert, assertEquals, assertMatch } from "../support/assert.ts";

/** The samples of an exposition: name with labels -> value. */
async function samplesOf(metrics: Metrics): Promise<ReadonlyMap<string, number>> {
  const lines = (await metrics.text()).split("\n");
  return new Map(
    lines.filter((line) => line !== "" && !line.startsWith("#")).map((line) => {
      const at = line.lastIndexOf(" ");
      return [line.slice(0, at), Number(line.slice(at + 1))];
    }),
  );
}

Deno.test("Metrics announces every metric with its kind and help, used or not", async () => {
  const text = await new Metrics().text();
  const all = { ...METRICS, ...STACK_METRICS };
  for (const [name, { kind, help }] of Object.entries<MetricSpec>(all)) {
    assert(text.includes(`# HELP ${name} ${help}\n`), name);
    assert(text.includes(`# TYPE ${name} ${kind}\n`), name);
  }
  assertEquals(text.match(/^# TYPE /gm)?.length, Object.keys(all).length);
});

Deno.test("Metrics.count() adds one to the series of its labels", async () => {
  const metrics = new Metrics();
  metrics.count("pd_router_direct_total", { reason: "n" });
  metrics.count("pd_router_direct_total", { reason: "n" });
  metrics.count("pd_router_direct_total", { reason: "echo" });
  const samples = await samplesOf(metrics);
  assertEquals(samples.get('pd_router_direct_total{reason="n"}'), 2);
  assertEquals(samples.get('pd_router_direct_total{reason="echo"}'), 1);
});

Deno.test("Metrics.add() and set() move a gauge up, down and to a value", async () => {
  const metrics = new Metrics();
  const at = { server: "http://a:1", leg: "decode" } as const;
  metrics.add("pd_router_inflight_requests", at, 1);
  metrics.add("pd_router_inflight_requests", at, 1);
  metrics.add("pd_router_inflight_requests", at, -1);
  metrics.set("pd_router_kv_waiters", {}, 7);
  metrics.set("pd_router_kv_waiters", {}, 3);
  const samples = await samplesOf(metrics);
  assertEquals(
    samples.get('pd_router_inflight_requests{server="http://a:1",leg="decode"}'),
    1,
  );
  assertEquals(samples.get("pd_router_kv_waiters"), 3);
});

Deno.test("Metrics.observe() puts a value into its buckets, its sum and its count", async () => {
  const metrics = new Metrics();
  metrics.observe("pd_router_kv_wait_seconds", { end: "ready" }, 0.004);
  metrics.observe("pd_router_kv_wait_seconds", { end: "ready" }, 100);
  const samples = await samplesOf(metrics);
  const bucket = (le: string): number | undefined =>
    samples.get(`pd_router_kv_wait_seconds_bucket{le="${le}",end="ready"}`);
  assertEquals([bucket("0.0025"), bucket("0.005"), bucket("60"), bucket("+Inf")], [0, 1, 1, 2]);
  assertEquals(samples.get('pd_router_kv_wait_seconds_sum{end="ready"}'), 100.004);
  assertEquals(samples.get('pd_router_kv_wait_seconds_count{end="ready"}'), 2);
});

Deno.test("Metrics has the buckets of its table and no others", async () => {
  const metrics = new Metrics();
  metrics.observe("pd_router_request_seconds", { route: "direct" }, 1);
  const found = [...(await samplesOf(metrics)).keys()].flatMap((name) => {
    const le = /^pd_router_request_seconds_bucket\{le="([^"]+)"/.exec(name)?.[1];
    return le === undefined ? [] : [Number(le)];
  });
  assertEquals(found, [...METRICS.pd_router_request_seconds.buckets, NaN]);
});

Deno.test("Metrics of two routers in one process are their own", async () => {
  const [one, other] = [new Metrics(), new Metrics()];
  one.count("pd_router_drains_total", { result: "drained" });
  assertEquals((await samplesOf(one)).get('pd_router_drains_total{result="drained"}'), 1);
  assertEquals((await samplesOf(other)).get('pd_router_drains_total{result="drained"}'), undefined);
});

Deno.test("Metrics escapes label values", async () => {
  const metrics = new Metrics();
  metrics.count("pd_router_direct_total", { reason: 'a"b\\c\nd' });
  const text = await metrics.text();
  assert(text.includes('pd_router_direct_total{reason="a\\"b\\\\c\\nd"} 1\n'), text);
});

Deno.test("Metrics.contentType is the Prometheus text format's", () => {
  assertMatch(new Metrics().contentType, /^text\/plain; version=0\.0\.4/);
});

/** Series that tell of an engine, in the order of the exposition. */
async function engineSeries(metrics: Metrics): Promise<readonly string[]> {
  return [...(await samplesOf(metrics)).keys()].filter((name) => name.includes("server="));
}

/** Tell of `server` in every metric that can. */
function tellOf(metrics: Metrics, server: string): void {
  metrics.add("pd_router_inflight_requests", { server, leg: "decode" }, 1);
  metrics.add("pd_router_inflight_requests", { server, leg: "direct" }, -1);
  metrics.set("pd_router_engine_up", { server, role: "any" }, 1);
  for (const code of ["upstream-lost", "upstream-lost", "internal"]) {
    metrics.count("pd_router_engine_errors_total", { server, leg: "direct", code });
  }
}

const [A, B] = ["http://a:1", "http://a:1/base"];

Deno.test("Metrics.forgetServer() drops every series of an engine, and no other", async () => {
  const metrics = new Metrics();
  metrics.count("pd_router_direct_total", { reason: A });
  tellOf(metrics, B);
  const others = await samplesOf(metrics);
  tellOf(metrics, A);
  assertEquals((await engineSeries(metrics)).length, 10);
  metrics.forgetServer(A);
  assertEquals(await samplesOf(metrics), others);
  metrics.forgetServer(A);
  metrics.forgetServer("http://unknown:1");
  assertEquals(await samplesOf(metrics), others);
});

Deno.test("Metrics.forgetServer() has an engine that comes again begin anew", async () => {
  const metrics = new Metrics();
  for (let round = 0; round < 2; round++) {
    tellOf(metrics, A);
    const samples = await samplesOf(metrics);
    const errors = `pd_router_engine_errors_total{server="${A}",leg="direct",code="upstream-lost"}`;
    assertEquals(samples.get(errors), 2);
    metrics.forgetServer(A);
    assertEquals(await engineSeries(metrics), []);
  }
});

Deno.test("Metrics.drop() drops one series of an engine", async () => {
  const metrics = new Metrics();
  for (const role of ["any", "decode"]) metrics.set("pd_router_engine_up", { server: A, role }, 1);
  metrics.drop("pd_router_engine_up", { server: A, role: "any" });
  // What is not there is dropped already.
  metrics.drop("pd_router_engine_up", { server: A, role: "any" });
  metrics.drop("pd_router_engine_up", { server: B, role: "any" });
  assertEquals(await engineSeries(metrics), [`pd_router_engine_up{server="${A}",role="decode"}`]);
  metrics.set("pd_router_engine_up", { server: A, role: "any" }, 0);
  assertEquals((await engineSeries(metrics)).length, 2);
  metrics.forgetServer(A);
  assertEquals(await engineSeries(metrics), []);
});

Deno.test("Metrics.replace() has a gauge tell of the given series alone", async () => {
  const metrics = new Metrics();
  const series = (role: string, why: string, value: number) => ({ labels: { role, why }, value });
  metrics.set("pd_router_kv_waiters", {}, 7);
  metrics.replace("pd_router_engines_shut", [series("any", "a", 2), series("any", "b", 1)]);
  metrics.replace("pd_router_engines_shut", [series("any", "b", 3)]);
  const samples = await samplesOf(metrics);
  const names = [...samples.keys()].filter((name) => name.includes("engines_shut"));
  assertEquals(names, ['pd_router_engines_shut{role="any",why="b"}']);
  assertEquals([samples.get(names[0] ?? ""), samples.get("pd_router_kv_waiters")], [3, 7]);
  metrics.replace("pd_router_engines_shut", []);
  assert(!(await metrics.text()).includes("pd_router_engines_shut{"));
});

Deno.test("Metrics.count() adds what it is given", async () => {
  const metrics = new Metrics();
  metrics.count("pd_router_kv_moved_tokens_total", {}, 600);
  metrics.count("pd_router_kv_moved_tokens_total", {}, 0);
  metrics.count("pd_router_kv_moved_tokens_total", {});
  assertEquals((await samplesOf(metrics)).get("pd_router_kv_moved_tokens_total"), 601);
});

Deno.test("Metrics.forgetServer() drops the series of pairs that the engine is one of", async () => {
  const metrics = new Metrics();
  const name = "pd_router_recompute_suspected_total";
  const left = async (): Promise<readonly string[]> =>
    [...(await samplesOf(metrics)).keys()].filter((key) => key.startsWith(name));
  for (const [prefill, decode] of [[A, B], [B, A], ["http://c:1", B]] as const) {
    metrics.count(name, { prefill, decode });
  }
  metrics.forgetServer(A);
  assertEquals(await left(), [`${name}{prefill="http://c:1",decode="${B}"}`]);
  metrics.count(name, { prefill: A, decode: B });
  metrics.forgetServer(B);
  assertEquals(await left(), []);
});

Deno.test("Metrics.withdraw() says nothing of a gauge until it is set again", async () => {
  const metrics = new Metrics();
  const told = async (): Promise<number | undefined> =>
    (await samplesOf(metrics)).get("router_memory_usage_percent");
  metrics.withdraw("router_memory_usage_percent");
  assertEquals(await told(), undefined);
  metrics.set("router_memory_usage_percent", {}, 12.5);
  assertEquals(await told(), 12.5);
  metrics.withdraw("router_memory_usage_percent");
  metrics.withdraw("router_memory_usage_percent");
  assertEquals(await told(), undefined);
});

Deno.test("Metrics.tells() whether anything is told of an engine", () => {
  const metrics = new Metrics();
  const server = "http://a:1";
  assertEquals(metrics.tells(server), false);
  metrics.add("pd_router_inflight_requests", { server, leg: "direct" }, 1);
  assertEquals(metrics.tells(server), true);
  metrics.forgetServer(server);
  assertEquals(metrics.tells(server), false);
});

Deno.test("Metrics.modelLabel() keeps the first 1,024 names apart, and those beyond as one", () => {
  const metrics = new Metrics();
  for (let at = 0; at < 1_024; at++) assertEquals(metrics.modelLabel(`m${at}`), `m${at}`);
  assertEquals(metrics.modelLabel("late"), "many");
  assertEquals(metrics.modelLabel("m7"), "m7");
});
