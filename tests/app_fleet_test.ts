import { cardFetcher, fleetObserver, forgetGone } from "../lib/app_fleet.ts";
import { encodeUtf8, type Engine, type ErrorCode, RouterError } from "../lib/base/mod.ts";
import {
  type FleetChange,
  type Flight,
  type Leg,
  NoModelList,
  type Outcome,
  takeOff,
} from "../lib/fleet/mod.ts";
import { Metrics } from "../lib/metrics/mod.ts";
import type { UpstreamClient, UpstreamRequest } from "../lib/upstream/mod.ts";
import { assert, assertEquals, assertRejects } from "./support/assert.ts";
import { FakeClock } from "./support/fake_clock.ts";

const ENGINE: Engine = {
  id: "a",
  url: "http://a:1",
  role: "decode",
  models: [],
  kv: "lmcache",
};
const OTHER: Engine = { ...ENGINE, id: "b", url: "http://b:1" };
const TIMEOUTS = {
  connectMs: 1,
  tokenizeMs: 2,
  prefillMs: 2,
  prefillMsPerToken: 0,
  firstByteMs: 3,
  wholeAnswerMs: 4,
  streamIdleMs: 5,
};

/** An outcome of `leg`, changed by `part`. */
function outcome(leg: Leg, part: Partial<Outcome> = {}): Outcome {
  return {
    engine: ENGINE,
    leg,
    peer: undefined,
    end: "ok",
    code: undefined,
    status: 200,
    headMs: 1,
    ms: 2,
    ...part,
  };
}

/** The samples that tell of engines, without the metric's prefix. */
async function told(metrics: Metrics): Promise<readonly string[]> {
  return (await metrics.text()).split("\n")
    .filter((line) => line.includes("server="))
    .map((line) => line.replace("pd_router_", ""));
}

Deno.test("fleetObserver() counts requests at engines, by leg", async () => {
  const metrics = new Metrics();
  const { onInflight } = fleetObserver(metrics);
  onInflight(ENGINE, "decode", 1);
  onInflight(ENGINE, "decode", 1);
  onInflight(ENGINE, "direct", 1);
  onInflight(ENGINE, "decode", -1);
  onInflight(ENGINE, "direct", -1);
  assertEquals(await told(metrics), [
    'inflight_requests{server="http://a:1",leg="decode"} 1',
    'inflight_requests{server="http://a:1",leg="direct"} 0',
  ]);
});

Deno.test("fleetObserver() tells whether an engine answered its last question for models", async () => {
  const metrics = new Metrics();
  const { onOutcome } = fleetObserver(metrics);
  const up = 'engine_up{server="http://a:1",role="decode"}';
  onOutcome(outcome("models", { end: "left" }));
  assertEquals(await told(metrics), []);
  onOutcome(outcome("models"));
  assertEquals(await told(metrics), [`${up} 1`]);
  onOutcome(outcome("models", { end: "failed", code: "upstream-unreachable" }));
  assertEquals(await told(metrics), [`${up} 0`]);
  for (const leg of ["direct", "tokenize", "reclaim"] as const) onOutcome(outcome(leg));
  onOutcome(outcome("models", { end: "left" }));
  assertEquals(await told(metrics), [`${up} 0`]);
});

Deno.test("fleetObserver() tells of an engine under the role that it has, and no other", async () => {
  const metrics = new Metrics();
  const { onOutcome } = fleetObserver(metrics);
  onOutcome(outcome("models", { engine: OTHER }));
  for (const role of ["decode", "any", "prefill", "any"] as const) {
    onOutcome(outcome("models", { engine: { ...ENGINE, role } }));
    assertEquals(await told(metrics), [
      'engine_up{server="http://b:1",role="decode"} 1',
      `engine_up{server="http://a:1",role="${role}"} 1`,
    ]);
  }
});

Deno.test("fleetObserver() counts failures of requests, and neither its own questions' nor the pair's", async () => {
  const metrics = new Metrics();
  const { onOutcome } = fleetObserver(metrics);
  const fail = (leg: Leg, code: ErrorCode): void =>
    onOutcome(outcome(leg, { end: "failed", code }));
  for (const leg of ["prefill", "decode", "direct", "tokenize", "reclaim"] as const) {
    fail(leg, "upstream-lost");
    onOutcome(outcome(leg));
    onOutcome(outcome(leg, { end: "left" }));
    fail(leg, "kv-timeout");
  }
  fail("direct", "upstream-lost");
  fail("direct", "upstream-timeout");
  const errors = (leg: string, code: string, count: number): string =>
    `engine_errors_total{server="http://a:1",leg="${leg}",code="${code}"} ${count}`;
  assertEquals(await told(metrics), [
    errors("prefill", "upstream-lost", 1),
    errors("decode", "upstream-lost", 1),
    errors("direct", "upstream-lost", 2),
    errors("tokenize", "upstream-lost", 1),
    errors("direct", "upstream-timeout", 1),
  ]);
});

Deno.test("fleetObserver() counts no refusal of a decode engine, and those of a question for ids", async () => {
  const metrics = new Metrics();
  const { onOutcome } = fleetObserver(metrics);
  const code = "decode-failed";
  onOutcome(outcome("decode", { end: "failed", code, status: 429, refused: true }));
  assertEquals(await told(metrics), []);
  onOutcome(outcome("decode", { end: "failed", code, status: 503 }));
  onOutcome(outcome("decode", { end: "failed", code, status: 404 }));
  const ids = { end: "failed", code: "tokenize-failed", status: 429, refused: true } as const;
  onOutcome(outcome("tokenize", ids));
  assertEquals(await told(metrics), [
    'engine_errors_total{server="http://a:1",leg="decode",code="decode-failed"} 2',
    'engine_errors_total{server="http://a:1",leg="tokenize",code="tokenize-failed"} 1',
  ]);
});

Deno.test("forgetGone() has everything forgotten once an engine is gone and nothing is under way", async () => {
  const metrics = new Metrics();
  const forgotten: string[] = [];
  const prompts = { forget: ({ id }: Engine) => void forgotten.push(`prompts ${id}`) };
  const upstream = { forget: (url: string) => void forgotten.push(`upstream ${url}`) };
  const forget = forgetGone({ metrics, upstream, prompts });
  const { onOutcome } = fleetObserver(metrics);
  for (const engine of [ENGINE, OTHER]) onOutcome(outcome("models", { engine }));
  for (const kind of ["added", "changed", "leaving"] as const) forget({ kind, engine: ENGINE });
  assertEquals([forgotten, (await told(metrics)).length], [[], 2]);
  forget({ kind: "removed", engine: ENGINE });
  assertEquals([forgotten, (await told(metrics)).length], [["prompts a"], 2]);
  forget({ kind: "forgotten", engine: ENGINE });
  assertEquals(forgotten, ["prompts a", "upstream http://a:1"]);
  assertEquals(await told(metrics), ['engine_up{server="http://b:1",role="decode"} 1']);
});

Deno.test("forgetGone() forgets where nothing is handed off", () => {
  const forgotten: string[] = [];
  const upstream = { forget: (url: string) => void forgotten.push(url) };
  const forget = forgetGone({ metrics: new Metrics(), upstream, prompts: undefined });
  const changes = ["removed", "forgotten"] satisfies FleetChange["kind"][];
  for (const kind of changes) forget({ kind, engine: ENGINE });
  assertEquals(forgotten, ["http://a:1"]);
});

/** What an engine answers: status and body, or what kept it from one. */
type Reply = { readonly status: number; readonly body: string } | RouterError;

/** An upstream that gives one reply, and what was asked of it. */
class FakeUpstream implements UpstreamClient {
  readonly requests: UpstreamRequest[] = [];
  readonly #reply: Reply;
  /** Responses that have not been given back. */
  open = 0;
  limitBytes: number | undefined;

  constructor(reply: Reply) {
    this.#reply = reply;
  }

  send(request: UpstreamRequest): ReturnType<UpstreamClient["send"]> {
    this.requests.push(request);
    const reply = this.#reply;
    if (reply instanceof RouterError) return Promise.reject(reply);
    this.open++;
    return Promise.resolve({
      status: reply.status,
      headers: [],
      header: () => undefined,
      read: () => Promise.resolve(undefined),
      readAll: (limitBytes) => {
        this.limitBytes = limitBytes;
        return Promise.resolve(encodeUtf8(reply.body));
      },
      [Symbol.dispose]: () => void this.open--,
    });
  }

  [Symbol.dispose](): void {}
}

/** One question for models: its flight, and its end. */
function question(
  reply: Reply,
  apiKey?: string,
): {
  readonly upstream: FakeUpstream;
  readonly flight: Flight;
  readonly outcomes: Outcome[];
  readonly fetch: () => ReturnType<ReturnType<typeof cardFetcher>>;
} {
  const upstream = new FakeUpstream(reply);
  const outcomes: Outcome[] = [];
  const flight = takeOff({
    clock: new FakeClock(),
    engine: ENGINE,
    leg: "models",
    peer: undefined,
    onLanded: (outcome) => void outcomes.push(outcome),
  });
  const ask = cardFetcher({ upstream, timeouts: TIMEOUTS }, apiKey);
  const { signal } = new AbortController();
  return { upstream, flight, outcomes, fetch: () => ask(flight, signal) };
}

const CARDS = [{ id: "m", max_model_len: 8 }, { id: "n", parent: "m" }];
const LIST = JSON.stringify({ object: "list", data: CARDS });

Deno.test("cardFetcher() reads an engine's model cards, and leaves the flight's end to be said", async () => {
  const { upstream, flight, outcomes, fetch } = question({ status: 200, body: LIST });
  assertEquals(await fetch(), CARDS);
  assertEquals([outcomes, upstream.open, upstream.limitBytes], [[], 0, 4 * 1024 * 1024]);
  flight.ok();
  assertEquals(outcomes[0]?.status, 200);
});

Deno.test("cardFetcher() asks with the router's own key, if it has one, and for 5 s", async () => {
  for (const apiKey of [undefined, "secret"]) {
    const { upstream, fetch } = question({ status: 200, body: LIST }, apiKey);
    await fetch();
    const [request] = upstream.requests;
    assert(request !== undefined);
    const { method, url, path, headers, connectTimeoutMs, headTimeoutMs, body } = request;
    assertEquals([method, url, path, body], ["GET", "http://a:1", "/v1/models", undefined]);
    assertEquals(headers, apiKey === undefined ? [] : [["authorization", "Bearer secret"]]);
    assertEquals([connectTimeoutMs, headTimeoutMs], [1, 5_000]);
  }
});

const NO_LISTS: readonly (readonly [what: string, status: number, body: string])[] = [
  ["another status", 401, LIST],
  ["an error", 503, "down"],
  ["no JSON", 200, "<html>"],
  ["JSON cut short", 200, LIST.slice(0, -3)],
  ["nothing", 200, ""],
  ["no object", 200, "[]"],
  ["no list in it", 200, '{"data":{}}'],
];

for (const [what, status, body] of NO_LISTS) {
  Deno.test(`cardFetcher() takes ${what} for an engine that is there without a list`, async () => {
    const { upstream, outcomes, fetch } = question({ status, body });
    const error = await assertRejects(fetch, NoModelList, "http://a:1");
    assert(error.message.includes(`status ${status}`), error.message);
    assertEquals([upstream.open, outcomes], [0, []]);
  });
}

Deno.test("cardFetcher() rejects with what kept the engine from an answer", async () => {
  const failure = new RouterError("upstream-unreachable", "refused");
  const { outcomes, fetch } = question(failure);
  assert(await assertRejects(fetch, RouterError) === failure);
  assertEquals(outcomes, []);
});

Deno.test("cardFetcher() gives its signal to the exchange", async () => {
  const { upstream, flight } = question({ status: 200, body: LIST });
  const stop = new AbortController();
  await cardFetcher({ upstream, timeouts: TIMEOUTS }, undefined)(flight, stop.signal);
  stop.abort();
  assertEquals(upstream.requests[0]?.signal?.aborted, true);
});
