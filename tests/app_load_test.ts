import { bothObservers, metricsReader, requestLoad, startLoad } from "../lib/app_load.ts";
import { gaugeLoad, logLoad } from "../lib/app_load_told.ts";
import {
  createLogger,
  encodeUtf8,
  type Engine,
  RouterError,
  seededRandom,
} from "../lib/base/mod.ts";
import { type Outcome, RequestStats, staticSource } from "../lib/fleet/mod.ts";
import { LiveEngine } from "../lib/fleet/live_engine.ts";
import { Metrics, samplesOf } from "../lib/metrics/mod.ts";
import type { UpstreamClient, UpstreamRequest } from "../lib/upstream/mod.ts";
import { assert, assertEquals, assertRejects } from "./support/assert.ts";
import { FakeClock } from "./support/fake_clock.ts";
import { FakeResponse, type Piece } from "./support/fake_upstream.ts";
import { Scene } from "./fleet/support.ts";

const A: Engine = { id: "a", url: "http://a:1", role: "any", models: ["m", "n"], kv: "none" };
const B: Engine = { ...A, id: "b", url: "http://b:1", models: ["m"] };
const NEVER = new AbortController().signal;
const TIMEOUTS = {
  connectMs: 1,
  tokenizeMs: 2,
  prefillMs: 2,
  prefillMsPerToken: 0,
  firstByteMs: 3,
  wholeAnswerMs: 4,
  streamIdleMs: 5,
};

/** A reader in front of an engine that answers `pieces`, and what it was asked. */
function reading(pieces: readonly Piece[], status = 200, apiKey?: string) {
  const asked: UpstreamRequest[] = [];
  const response = new FakeResponse(status, [], pieces);
  const upstream: UpstreamClient = {
    send(request) {
      asked.push(request);
      return Promise.resolve(response);
    },
    [Symbol.dispose]: () => {},
  };
  const breather = { tired: () => false, pause: () => Promise.resolve() };
  const read = metricsReader({ upstream, timeouts: TIMEOUTS, breather }, apiKey);
  return { read: () => read(A.url, NEVER), asked, response };
}

Deno.test("metricsReader() reads what it wants of an answer in any pieces, with the router's key", async () => {
  const text = "vllm:num_requests_running 3\nvllm:num_requests_waiting 1\nother 5\n";
  for (const size of [1, 10, 1_000]) {
    const bytes = encodeUtf8(text);
    const pieces = Array.from(
      { length: Math.ceil(bytes.length / size) },
      (_, at) => bytes.subarray(at * size, (at + 1) * size),
    );
    const { read, asked, response } = reading(pieces, 200, "secret");
    const samples = await read();
    assertEquals([...samples?.keys() ?? []], [
      "vllm:num_requests_running",
      "vllm:num_requests_waiting",
    ]);
    const [{ method, path, headers } = {} as UpstreamRequest] = asked;
    assertEquals([method, path, headers], [
      "GET",
      "/metrics",
      [["authorization", "Bearer secret"]],
    ]);
    assertEquals(response.state, "kept");
  }
});

Deno.test("metricsReader() says nothing of an engine without metrics, and asks without a key where there is none", async () => {
  const { read, asked } = reading(['{"detail":"Not Found"}'], 404);
  assertEquals(await read(), undefined);
  assertEquals(asked[0]?.headers, []);
});

Deno.test("metricsReader() gives up an answer without end, and one that breaks", async () => {
  const endless = reading(Array.from({ length: 12 }, () => "x".repeat(1024 * 1024)));
  const error = await assertRejects(endless.read, RouterError);
  assertEquals(error.code, "upstream-protocol");
  const broken = reading(["vllm:num", new RouterError("upstream-lost", "gone")]);
  assertEquals((await assertRejects(broken.read, RouterError)).code, "upstream-lost");
});

function outcome(part: Partial<Outcome>): Outcome {
  return {
    engine: A,
    leg: "direct",
    peer: undefined,
    end: "ok",
    code: undefined,
    status: 200,
    headMs: 1,
    ms: 500,
    ...part,
  };
}

/** Samples of metrics by their text. */
async function samples(metrics: Metrics, names: RegExp): Promise<readonly string[]> {
  return (await metrics.text()).split("\n").filter((line) => names.test(line));
}

Deno.test("requestLoad() counts tokens that were told, once, and failures of engines", async () => {
  const metrics = new Metrics();
  const { observer } = requestLoad({ clock: new FakeClock(), metrics }, {
    requestWindowMs: 60_000,
  });
  const told = { model: "m", tokens: { prompt: 5, answer: 3 } };
  observer.onOutcome(outcome(told));
  observer.onOutcome(outcome({ ...told, leg: "decode" }));
  observer.onOutcome(outcome({ ...told, leg: "prefill" }));
  observer.onOutcome(outcome({ model: "m", tokens: { answer: 70, about: true } }));
  observer.onOutcome(outcome({ tokens: { prompt: 9, answer: 9 } }));
  observer.onOutcome(outcome({ model: "m", end: "failed", code: "upstream-lost" }));
  assertEquals(await samples(metrics, /^vllm:(\w+_tokens|request_errors)_total\{/), [
    'vllm:input_tokens_total{server="http://a:1",model="m"} 10',
    'vllm:output_tokens_total{server="http://a:1",model="m"} 6',
    'vllm:request_errors_total{server="http://a:1",model="m",error_type="upstream-lost"} 1',
  ]);
});

Deno.test("requestLoad() forgets an engine's requests with the engine", () => {
  const load = requestLoad({ clock: new FakeClock(), metrics: new Metrics() }, {
    requestWindowMs: 60_000,
  });
  load.observer.onInflight(A, "direct", 1);
  load.observer.onInflight(A, "direct", -1);
  load.follow({ kind: "removed", engine: A });
  assertEquals(load.stats.size, 1);
  load.follow({ kind: "forgotten", engine: A });
  assertEquals(load.stats.size, 0);
});

Deno.test("bothObservers() tells both", () => {
  const told: string[] = [];
  const observer = (name: string) => ({
    onInflight: () => void told.push(`${name} inflight`),
    onFirst: () => void told.push(`${name} first`),
    onOutcome: () => void told.push(`${name} outcome`),
    onVerdict: () => void told.push(`${name} verdict`),
  });
  const { onFirst: _first, ...one } = observer("a");
  const both = bothObservers(one, observer("b"));
  both.onInflight(A, "direct", 1);
  both.onFirst?.(A, "direct");
  both.onOutcome(outcome({}));
  both.onVerdict(A, { kind: "good" });
  assertEquals(told, [
    ...["a inflight", "b inflight", "b first", "a outcome", "b outcome", "a verdict"],
  ]);
});

/** Two engines of which one has said what it has to do, and had a stream. */
async function scene(): Promise<{
  readonly live: readonly [LiveEngine, LiveEngine];
  readonly stats: RequestStats;
  readonly clock: FakeClock;
}> {
  const clock = new FakeClock();
  const stats = new RequestStats(clock, 60_000);
  const live = [new LiveEngine(A, 0), new LiveEngine(B, 0)] as const;
  live[0].noteLoad({ running: 4, waiting: 2, prefixHits: 30, prefixQueries: 40 }, 0);
  stats.onInflight(A, 1);
  stats.onInflight(A, 1);
  await clock.advance(2_000);
  stats.onFirst(A);
  stats.onInflight(A, -1);
  stats.onOutcome(outcome({ ms: 2_000, firstMs: 500, tokens: { answer: 16 } }));
  return { live, stats, clock };
}

Deno.test("gaugeLoad() tells what is known of each engine, and of nothing else", async () => {
  const metrics = new Metrics();
  const { live, stats } = await scene();
  const wanted = [
    'vllm:avg_decoding_length{server="http://a:1"} 1.5',
    'vllm:avg_itl{server="http://a:1"} 0.1',
    'vllm:avg_latency{server="http://a:1"} 2',
    'vllm:gpu_prefix_cache_hit_rate{server="http://a:1"} 0.75',
    'vllm:gpu_prefix_cache_hits_total{server="http://a:1"} 30',
    'vllm:gpu_prefix_cache_queries_total{server="http://a:1"} 40',
    'vllm:healthy_pods_total{server="http://a:1"} 1',
    'vllm:healthy_pods_total{server="http://b:1"} 1',
    'vllm:num_decoding_requests{server="http://a:1"} 0',
    'vllm:num_decoding_requests{server="http://b:1"} 0',
    'vllm:num_prefill_requests{server="http://a:1"} 1',
    'vllm:num_prefill_requests{server="http://b:1"} 0',
    'vllm:num_requests_running{server="http://a:1"} 1',
    'vllm:num_requests_running{server="http://b:1"} 0',
    'vllm:num_requests_waiting{server="http://a:1"} 2',
  ];
  const told = async (): Promise<readonly string[]> =>
    (await samples(metrics, /^vllm:.*server=/)).filter((line) => !line.includes("qps")).sort();
  gaugeLoad(metrics, live, stats);
  assertEquals(await told(), wanted);
  // Nothing of one that has not been heard of.
  gaugeLoad(metrics, [...live, new LiveEngine({ ...B, url: "http://c:1", models: [] }, 0)], stats);
  assertEquals(await told(), wanted);
  // What is not known any more is not told any more.
  live[0].noteLoad(undefined, 0);
  gaugeLoad(metrics, live, stats);
  assertEquals(await told(), wanted.filter((line) => !/gpu_|waiting/.test(line)));
  for (const kind of ["shut", "leaving"] as const) {
    live[0].verdict = kind === "shut" ? { kind, why: "upstream-lost" } : { kind };
    gaugeLoad(metrics, live, stats);
    assert((await told()).includes('vllm:healthy_pods_total{server="http://a:1"} 0'), kind);
  }
});

Deno.test("logLoad() writes the production-stack router's lines", async () => {
  const { live, stats, clock } = await scene();
  const lines: string[] = [];
  const log = createLogger(clock, (line) => lines.push(line), { level: "info", format: "json" });
  logLoad(log, live, stats);
  const said = lines.map((line) => JSON.parse(line).message as string);
  assertEquals(said, [
    "=".repeat(50),
    "Model: m,n",
    "Server: http://a:1",
    " Engine Stats: Running Requests: 4, Queued Requests: 2, GPU Cache Hit Rate: 0.75",
    " Request Stats: QPS: 0.03, Avg Latency: 2, Avg ITL: 0.1, Prefill Requests: 1, " +
    "Decoding Requests: 0, Finished: 1, Uptime: 2.00 sec",
    "-".repeat(50),
    "Model: m",
    "Server: http://b:1",
    " Engine Stats: No stats available",
    " Request Stats: No stats available",
    "-".repeat(50),
    "=".repeat(50),
  ]);
  const quiet = createLogger(clock, (line) => lines.push(line), {
    level: "warning",
    format: "json",
  });
  logLoad(quiet, live, stats);
  assertEquals(lines.length, said.length);
});

Deno.test("startLoad() reads, tells and logs load at the intervals it is given, until it is disposed", async () => {
  await using fleetScene = new Scene({ a: [{ id: "m" }] });
  const { clock, fleet, written: { log } } = fleetScene;
  const metrics = new Metrics();
  const stats = new RequestStats(clock, 60_000);
  const text = encodeUtf8("vllm:num_requests_running 1\nvllm:num_requests_waiting 6\n");
  const read = () => Promise.resolve(samplesOf(text, ["vllm:num_requests_waiting"]));
  const options = {
    engineIntervalMs: 5_000,
    requestWindowMs: 60_000,
    log: true,
    logIntervalMs: 10_000,
  };
  const running = startLoad(
    { clock, random: seededRandom(1), log, metrics, fleet, read, stats },
    options,
  );
  fleetScene.follow(staticSource([{ ...A, id: "a", models: [] }]));
  await clock.advance(2_000);
  running.gauge();
  assertEquals(await samples(metrics, /^vllm:num_requests_waiting\{/), [
    'vllm:num_requests_waiting{server="http://a:1"} 6',
  ]);
  const rules = (): number =>
    fleetScene.written.messages().filter((line) => line === `info ${"=".repeat(50)}`).length;
  assertEquals(rules(), 0);
  await clock.advance(18_500);
  assertEquals(rules(), 4);
  const readings = await samples(metrics, /^pd_router_engine_readings_total\{/);
  assertEquals(readings, ['pd_router_engine_readings_total{server="http://a:1",result="read"} 4']);
  await running[Symbol.asyncDispose]();
  await clock.advance(60_000);
  assertEquals(rules(), 4);
  assertEquals(await samples(metrics, /^pd_router_engine_readings_total\{/), readings);
});
