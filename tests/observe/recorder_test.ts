import { RouterError } from "../../lib/base/mod.ts";
import { Metrics } from "../../lib/metrics/mod.ts";
import { RequestRecorder } from "../../lib/observe/mod.ts";
import { RequestTrace } from "../../lib/request/mod.ts";
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { DECODE, HANDOFF, leg, PREFILL, traced } from "./support.ts";

/** Samples of `name` that are not 0, without buckets. */
async function samples(metrics: Metrics, name: string): Promise<readonly string[]> {
  return (await metrics.text()).split("\n").filter((line) =>
    line.startsWith(name) && !line.includes("_bucket") && !line.endsWith(" 0")
  );
}

Deno.test("RequestRecorder counts a handoff's phases by model and role, and by pair", async () => {
  const clock = new FakeClock();
  const metrics = new Metrics();
  const recorder = new RequestRecorder({ clock, metrics });
  const trace = await traced(clock, "handoff_p1", HANDOFF);
  recorder.begin(trace);
  trace.landed(leg({ ms: 113, firstMs: 13, tokens: { prompt: 9, answer: 11 } }));
  recorder.end(trace, "ok", undefined);
  assertEquals(await samples(metrics, "pd_router_phase_seconds"), [
    'pd_router_phase_seconds_sum{phase="tokenize",model="m",role="prefill"} 0.002',
    'pd_router_phase_seconds_count{phase="tokenize",model="m",role="prefill"} 1',
    'pd_router_phase_seconds_sum{phase="prefill",model="m",role="prefill"} 0.04',
    'pd_router_phase_seconds_count{phase="prefill",model="m",role="prefill"} 1',
    'pd_router_phase_seconds_sum{phase="kv_wait",model="m",role="decode"} 0.003',
    'pd_router_phase_seconds_count{phase="kv_wait",model="m",role="decode"} 1',
    'pd_router_phase_seconds_sum{phase="first_byte",model="m",role="decode"} 0.012',
    'pd_router_phase_seconds_count{phase="first_byte",model="m",role="decode"} 1',
    'pd_router_phase_seconds_count{phase="stream",model="m",role="decode"} 1',
  ]);
  assertEquals(await samples(metrics, "pd_router_inter_token_seconds"), [
    'pd_router_inter_token_seconds_sum{model="m",role="decode"} 0.01',
    'pd_router_inter_token_seconds_count{model="m",role="decode"} 1',
  ]);
  assertEquals(await samples(metrics, "pd_router_pair_handoffs_total"), [
    `pd_router_pair_handoffs_total{prefill="${PREFILL.url}",decode="${DECODE.url}",outcome="ok"} 1`,
  ]);
  const pairTimes = await samples(metrics, "pd_router_pair_phase_seconds_sum");
  assertEquals(pairTimes.map((line) => line.split(" ")[1]), ["0.04", "0.003", "0.012"]);
  const [pair] = recorder.pairs.all();
  assertEquals([pair?.ok, pair?.failed, pair?.tokens, pair?.kvWaitMs], [1, 0, 9, 3]);
  recorder.pairs.forget(DECODE.url);
  assertEquals([...recorder.pairs.all()], []);
});

Deno.test("RequestRecorder counts where clients left", async () => {
  const clock = new FakeClock();
  const metrics = new Metrics();
  const recorder = new RequestRecorder({ clock, metrics });
  for (const steps of [0, 3, 3, 6]) {
    const trace = await traced(clock, "handoff_p1", HANDOFF.slice(0, steps));
    recorder.begin(trace);
    recorder.end(trace, "client_gone", undefined);
  }
  assertEquals(await samples(metrics, "pd_router_client_departures_total"), [
    'pd_router_client_departures_total{phase="arrived"} 1',
    'pd_router_client_departures_total{phase="kv_wait"} 2',
    'pd_router_client_departures_total{phase="stream"} 1',
  ]);
});

Deno.test("RequestRecorder keeps requests only where somebody could look, and tells who came how", () => {
  const clock = new FakeClock();
  const closed = new RequestRecorder({ clock, metrics: new Metrics() });
  assertEquals(closed.kept, undefined);
  const told: string[] = [];
  const recorder = new RequestRecorder({
    clock,
    metrics: new Metrics(),
    keep: 8,
    onEnded: (trace) => told.push(trace.id),
  });
  const { kept } = recorder;
  assert(kept !== undefined);
  const refused = new RequestTrace(clock);
  refused.id = "refused";
  refused.status = 429;
  const looked = new RequestTrace(clock);
  looked.id = "health";
  looked.status = 200;
  const stranger = new RequestTrace(clock);
  stranger.id = "stranger";
  stranger.status = 401;
  for (const trace of [refused, looked, stranger]) recorder.begin(trace);
  assertEquals([...kept.underWay].map(({ seq }) => seq), [1, 2, 3]);
  recorder.end(refused, "client_error", new RouterError("overloaded", "No room"));
  recorder.end(looked, "ok", undefined);
  recorder.end(stranger, "client_error", undefined);
  assertEquals([...kept.recent.latest()].map(({ id }) => id), ["refused"]);
  assertEquals([kept.underWay.size, refused.end?.code], [0, "overloaded"]);
  // Of a look at the router that went well, nobody is told.
  assertEquals(told, ["refused", "stranger"]);
});

Deno.test("RequestRecorder has at most 64 models and 64 pairs under names of their own in metrics", async () => {
  const clock = new FakeClock();
  const metrics = new Metrics();
  const recorder = new RequestRecorder({ clock, metrics });
  for (let at = 0; at < 70; at++) {
    const trace = await traced(clock, "handoff_p1", HANDOFF);
    trace.model = `m${at}`;
    trace.pair = { prefill: { ...PREFILL, url: `http://p${at}` }, decode: DECODE };
    recorder.begin(trace);
    recorder.end(trace, "ok", undefined);
  }
  const text = await metrics.text();
  const models = text.match(/^pd_router_model_request_seconds_count\{.*$/gm) ?? [];
  const pairs = text.match(/^pd_router_pair_handoffs_total\{.*$/gm) ?? [];
  assertEquals([models.length, pairs.length], [65, 65]);
  assertMatch(models.at(-1) ?? "", /model="many",role="handoff"\} 6$/);
  assertMatch(pairs.at(-1) ?? "", /prefill="many",decode="many",outcome="ok"\} 6$/);
  assertEquals([...recorder.pairs.all()].length, 70);
});
