import { type RunningHandoff, startHandoff } from "../lib/app_handoff.ts";
import { decodeUtf8, encodeUtf8, RouterError } from "../lib/base/mod.ts";
import type { LmcacheHandoff, TokenizeOptions } from "../lib/config/mod.ts";
import { type AbandonedTransfer, NOTHING_AWAITED } from "../lib/kv/mod.ts";
import type { PromptAsk } from "../lib/tokenization/mod.ts";
import { configOf, FLEET } from "./config/support.ts";
import { assertEquals, assertMatch, assertRejects, fail } from "./support/assert.ts";
import { settle } from "./support/fake_clock.ts";
import { FakePull } from "./support/fake_pull.ts";
import { engineOf, type FlowSetting, flowSetting, seriesOf } from "./support/flow_fakes.ts";
import { type EngineScript, json, type Reply, type Sent } from "./support/scripted_upstream.ts";

const [P, D] = [engineOf("p", "prefill", "nixl"), engineOf("d", "decode", "nixl")];
const LMCACHE: LmcacheHandoff = {
  kind: "lmcache",
  proxy: { host: "10.0.0.1", port: 7500 },
  proxySocket: "builtin",
  kvReadyTimeoutMs: 50,
  kvTimeoutPolicy: "proceed",
  keys: "own",
  finishedReqTtlMs: 1,
  cleanupIntervalMs: 1_000,
};
const { doors: DOORS } = configOf({ flags: FLEET });
const BY_TOKENIZE: TokenizeOptions = { how: "engine", cacheBytes: 0 };
const UNREACHABLE = new RouterError("upstream-unreachable", "Nobody is there");

interface Running extends FlowSetting {
  readonly handoff: RunningHandoff;
}

/** Runs a test with the parts of handoffs over NIXL; engines answer by `script`. */
async function withHandoff(
  script: EngineScript,
  run: (running: Running) => Promise<void>,
  tokenize = BY_TOKENIZE,
): Promise<void> {
  await using setting = flowSetting([P, D], script);
  await using handoff = await startHandoff({ kind: "nixl" }, setting.flow, {
    tokenize,
    doors: DOORS,
  });
  await run({ ...setting, handoff });
  assertEquals([setting.fleet.inflight, setting.upstream.open], [0, 0]);
}

/** What was sent to engines, which must be one request. */
function onlySent({ upstream: { sent: [sent, ...more] } }: Running): Sent {
  return sent === undefined || more.length > 0 ? fail("Not one request") : sent;
}

/** KV at `D` that nobody will read. */
function abandoned(singleUse = false): AbandonedTransfer {
  return {
    transfer: { landed: NOTHING_AWAITED, reclaim: { singleUse, params: () => undefined } },
    decode: D,
    prefill: { kind: "ok", result: { kvParams: undefined } },
    path: "/v1/completions",
    headers: [["x-request-id", "r"]],
    body: () => [encodeUtf8('{"read":'), encodeUtf8('"it"}')],
  };
}

async function drains({ metrics }: FlowSetting): Promise<Readonly<Record<string, number>>> {
  return await seriesOf(metrics, "pd_router_drains_total");
}

Deno.test("startHandoff() has KV reclaimed by its decode engine, as a flight of its own", async () => {
  for (const singleUse of [false, true]) {
    await withHandoff(() => json({}), async (running) => {
      const { handoff, flow, fleet } = running;
      handoff.reclaimer.adopt(abandoned(singleUse));
      await flow.background.idle();
      const { to, path, text, request } = onlySent(running);
      assertEquals([to, path, text], ["d", "/v1/completions", '{"read":"it"}']);
      // Under an id of its own: the leg it stands in for may still run.
      assertEquals(request.headers.length, 1);
      assertMatch(request.headers.join(), /^x-request-id,r-[0-9a-f]{16}$/);
      assertEquals(request.replayable, !singleUse);
      assertEquals(request.headTimeoutMs, flow.timeouts.prefillMs);
      assertEquals(fleet.landed, ["reclaim d ok"]);
      assertEquals(await drains(running), { "result=drained": 1 });
    });
  }
});

Deno.test("startHandoff() takes a refused reclaim for an answer of the engine's", async () => {
  await withHandoff(() => json({}, 400), async (running) => {
    running.handoff.reclaimer.adopt(abandoned());
    await running.flow.background.idle();
    assertEquals(running.fleet.landed, ["reclaim d ok"]);
    assertEquals(await drains(running), { "result=failed": 1 });
  });
});

Deno.test("startHandoff() tells of every try to reclaim how it failed", async () => {
  const cut = new RouterError("upstream-protocol", "Cut");
  const replies: (Reply | Error)[] = [UNREACHABLE, { body: ["{", cut] }, json({})];
  await withHandoff(() => replies.shift() ?? json({}), async (running) => {
    running.handoff.reclaimer.adopt(abandoned());
    await running.clock.advance(10_000);
    await running.flow.background.idle();
    assertEquals(running.fleet.landed, [
      "reclaim d failed upstream-unreachable",
      "reclaim d failed upstream-protocol",
      "reclaim d ok",
    ]);
    assertEquals(await drains(running), { "result=drained": 1 });
  });
});

Deno.test("startHandoff() ends a reclaim with the app, and holds nothing against the engine", async () => {
  await withHandoff(() => new Promise(() => {}), async (running) => {
    running.handoff.reclaimer.adopt(abandoned());
    await settle();
    assertEquals(running.fleet.inflight, 1);
    await running.flow.background[Symbol.asyncDispose]();
    assertEquals(running.fleet.landed, ["reclaim d left"]);
    assertEquals(await drains(running), { "result=stopped": 1 });
  });
});

const CALLER = { headers: [["x-a", "1"]], signal: new AbortController().signal } as const;

function promptAsk(text: string): PromptAsk {
  return {
    tokenize: () => [encodeUtf8(text)],
    render: { path: "/v1/completions/render", body: () => [encodeUtf8(text)] },
    needsLength: false,
    byIds: false,
    exact: false,
    parsed: false,
  };
}

Deno.test("startHandoff() has prompts tokenized by an engine, as a flight of its own", async () => {
  await withHandoff(() => json({ tokens: [1, 2], max_model_len: 9 }), async (running) => {
    const { handoff, flow, fleet, metrics } = running;
    const end = await handoff.deps.prompts.find(P, promptAsk("{}"), CALLER);
    assertEquals(end.kind === "tokens" && decodeUtf8(end.prompt.ids), "[1,2]");
    const { to, path, text, request } = onlySent(running);
    assertEquals([to, path, text, request.method], ["p", "/tokenize", "{}", "POST"]);
    assertEquals(request.headers, CALLER.headers);
    assertEquals(request.headTimeoutMs, flow.timeouts.prefillMs);
    assertEquals(fleet.landed, ["tokenize p ok"]);
    assertEquals(await seriesOf(metrics, "pd_router_tokenize_total"), {
      "how=engine,result=tokens": 1,
    });
  });
});

Deno.test("startHandoff() takes a refused prompt for an answer of the engine's", async () => {
  await withHandoff(() => json({}, 400), async ({ handoff, fleet, metrics }) => {
    const end = await handoff.deps.prompts.find(P, promptAsk("{}"), CALLER);
    assertEquals(end, { kind: "refused", status: 400 });
    assertEquals(fleet.landed, ["tokenize p ok"]);
    assertEquals(await seriesOf(metrics, "pd_router_tokenize_total"), {
      "how=engine,result=refused": 1,
    });
  });
});

Deno.test("startHandoff() has an engine fail that does not tokenize, whatever kept it from it", async () => {
  const replies: readonly (Reply | Error)[] = [
    UNREACHABLE,
    new RouterError("upstream-timeout", "Late"),
    json({}, 500),
    json({ tokens: "none" }),
    { body: ["[1,"] },
    { body: ["{", new RouterError("upstream-protocol", "Cut")] },
  ];
  for (const reply of replies) {
    await withHandoff(() => reply, async ({ handoff, fleet, metrics }) => {
      const asked = handoff.deps.prompts.find(P, promptAsk("{}"), CALLER);
      const error = await assertRejects(() => asked, RouterError);
      assertEquals(error.code, "tokenize-failed");
      assertEquals(fleet.landed, ["tokenize p failed tokenize-failed"]);
      assertEquals(await seriesOf(metrics, "pd_router_tokenize_total"), {
        "how=engine,result=failed": 1,
      });
    });
  }
});

Deno.test("startHandoff() holds nothing against an engine whose client has gone", async () => {
  await withHandoff(() => new Promise(() => {}), async ({ handoff, fleet }) => {
    const client = new AbortController();
    const caller = { headers: [], signal: client.signal };
    const asked = handoff.deps.prompts.find(P, promptAsk("{}"), caller);
    const ended = assertRejects(() => asked, RouterError);
    client.abort();
    assertEquals((await ended).code, "client-gone");
    assertEquals(fleet.landed, ["tokenize p left"]);
  });
});

Deno.test("startHandoff() does without a text that the engine cannot tell", async () => {
  const cases:
    readonly (readonly [reply: Reply | Error, text: string | undefined, landed: string])[] = [
      [json({ prompt: "hi" }), "hi", "tokenize d ok"],
      [json({}, 404), undefined, "tokenize d ok"],
      [UNREACHABLE, undefined, "tokenize d failed upstream-unreachable"],
    ];
  for (const [reply, text, landed] of cases) {
    await withHandoff(() => reply, async ({ handoff, fleet, upstream }) => {
      assertEquals(await handoff.deps.tokenizer.detokenize(D, "m", [1, 2], CALLER), text);
      assertEquals(upstream.sent[0]?.text, '{"model":"m","tokens":[1,2]}');
      assertEquals(fleet.landed, [landed]);
    });
  }
});

Deno.test("startHandoff() keeps ids of prompts only in a cache that has a size", async () => {
  for (const [cacheBytes, sent] of [[0, 2], [10_000, 1]] as const) {
    await withHandoff(() => json({ tokens: [1] }), async ({ handoff, upstream, metrics }) => {
      for (let turn = 0; turn < 2; turn++) {
        await handoff.deps.prompts.find(P, promptAsk("{}"), CALLER);
      }
      assertEquals(upstream.sent.length, sent);
      const looked = await seriesOf(metrics, "pd_router_tokenize_cache_total");
      assertEquals(looked, cacheBytes === 0 ? {} : { "result=miss": 1, "result=hit": 1 });
    }, { how: "engine", cacheBytes });
  }
});

Deno.test("startHandoff() binds no socket for protocols without notifications", async () => {
  const pull = new FakePull();
  await using setting = flowSetting([P, D], () => json({}));
  for (const kind of ["nixl", "shared_storage"] as const) {
    await using handoff = await startHandoff({ kind }, setting.flow, {
      tokenize: BY_TOKENIZE,
      doors: DOORS,
    }, {
      bindPull: pull.bind,
    });
    assertEquals([handoff.notifications, pull.asked], [undefined, []]);
  }
  assertEquals(setting.clock.pending, 0);
});

Deno.test("startHandoff() receives notifications where it is told to, until it is disposed", async () => {
  const pull = new FakePull();
  await using setting = flowSetting([P, D], () => json({}));
  const { clock, metrics, flow } = setting;
  {
    await using handoff = await startHandoff(
      LMCACHE,
      flow,
      { tokenize: BY_TOKENIZE, doors: DOORS },
      { bindPull: pull.bind },
    );
    assertEquals([pull.asked, pull.open], [[LMCACHE.proxy], 1]);
    assertEquals(handoff.notifications?.endpoint, "tcp://127.0.0.1:7500");
    const { kvReadyTimeoutMs, kvTimeoutPolicy } = handoff.deps;
    assertEquals([kvReadyTimeoutMs, kvTimeoutPolicy], [50, "proceed"]);
    using waiter = handoff.board.expect("a", { ranks: 1 });
    pull.notify("a");
    pull.notify("b");
    pull.push(Uint8Array.of(0xc1));
    await settle();
    assertEquals(waiter.received(), 1);
    assertEquals(await seriesOf(metrics, "pd_router_kv_notifications_total"), {
      "result=completed": 1,
      "result=early": 1,
      "result=garbage": 1,
    });
  }
  assertEquals([pull.open, clock.pending], [0, 0]);
});

Deno.test("startHandoff() forgets a waiter only when its prefill, wait and grace are over", async () => {
  const pull = new FakePull();
  await using setting = flowSetting([P, D], () => json({}));
  const { flow, clock, metrics } = setting;
  await using handoff = await startHandoff(LMCACHE, flow, { tokenize: BY_TOKENIZE, doors: DOORS }, {
    bindPull: pull.bind,
  });
  using _waiter = handoff.board.expect("a", { ranks: 1 });
  const { prefillMs } = flow.timeouts;
  const longest = prefillMs + LMCACHE.kvReadyTimeoutMs;
  await clock.advance(longest);
  assertEquals(handoff.board.stats().waiters, 1);
  await clock.advance(longest);
  assertEquals(handoff.board.stats().waiters, 0);
  assertEquals(await seriesOf(metrics, "pd_router_kv_notifications_total"), {
    "result=expired": 1,
  });
});

Deno.test("startHandoff() leaves nothing behind where it cannot bind", async () => {
  const pull = new FakePull();
  const refusal = new Error("Cannot bind");
  pull.refusal = refusal;
  await using setting = flowSetting([P, D], () => json({}));
  const started = startHandoff(LMCACHE, setting.flow, { tokenize: BY_TOKENIZE, doors: DOORS }, {
    bindPull: pull.bind,
  });
  assertEquals(await assertRejects(() => started, Error), refusal);
  assertEquals([setting.clock.pending, pull.open], [0, 0]);
});
