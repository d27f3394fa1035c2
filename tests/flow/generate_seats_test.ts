import type { Engine } from "../../lib/base/mod.ts";
import { direct, generate } from "../../lib/flow/mod.ts";
import { RetryBudget } from "../../lib/request/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { eventually } from "../support/eventually.ts";
import { type FakeClock, settle } from "../support/fake_clock.ts";
import { engineOf, generationOf } from "../support/flow_fakes.ts";
import { json, type Reply, type Sent } from "../support/scripted_upstream.ts";
import { withCrowd } from "./admission_support.ts";
import { ask, PREFILLED, REST, usual } from "./support.ts";

const P = engineOf("p1", "prefill", "lmcache");
const D = buffered(engineOf("d1", "decode", "lmcache", ["p1"]));
const P2 = engineOf("p2", "prefill", "lmcache");
const E = engineOf("e1", "any");
const E2 = engineOf("e2", "any");

/** `engine` with a buffer for 600 tokens. */
function buffered(engine: Engine): Engine {
  const buffer = { bytes: 600, bytesPerToken: 1, chunkTokens: 100 };
  return engine.nixl === undefined ? engine : { ...engine, nixl: { ...engine.nixl, buffer } };
}

const TEXT = generationOf("completions", { prompt: "short, as it seems", max_tokens: 4 });

/** Engines whose tokenizer makes `count` ids of any text. */
function tokenizing(count: number): (sent: Sent) => Reply | Error | Promise<Reply | Error> {
  const tokens = new Array<number>(count).fill(1);
  const told = json({ tokens, count, max_model_len: 4096 });
  const script = usual();
  return (sent) => sent.path === "/tokenize" ? told : script(sent);
}

Deno.test("generate() gives each seat back when it has served, the prefill's before the decode's", async () => {
  const decoding = Promise.withResolvers<Reply>();
  const script = (sent: Sent): Reply | Promise<Reply> =>
    sent.to === "p1" ? PREFILLED : decoding.promise;
  await withCrowd([P, D], script, { prefill: 2, serving: 2 }, async ({ doorway, deps }) => {
    const context = doorway.context();
    const answering = generate(deps, context, ask());
    assertEquals(doorway.taken, [2, 100, 0]);
    await settle();
    assertEquals(doorway.taken, [1, 100, 0]);
    decoding.resolve(REST);
    await answering;
    assertEquals(doorway.taken, [0, 0, 0]);
  });
});

Deno.test("generate() waits before the prefill for a prompt that turns out longer than it seemed", async () => {
  await withCrowd(
    [P, D],
    tokenizing(350),
    { prefill: 9, serving: 9 },
    async ({ doorway, deps, upstream }) => {
      const other = doorway.fleet.seatPair({ prefill: P, decode: D }, 400);
      const context = doorway.context();
      const answering = generate(deps, context, ask({ request: TEXT }));
      await eventually(() => doorway.admission.waiting === 1);
      assertEquals(doorway.taken, [2, 400, 1]);
      assertEquals(upstream.sent.map(({ path }) => path), ["/tokenize"]);
      other[Symbol.dispose]();
      const { status } = await answering;
      assertEquals([status, doorway.taken], [200, [0, 0, 0]]);
      const sent = upstream.sent.map(({ to, path }) => `${to} ${path}`);
      assertEquals(sent, ["p1 /tokenize", "p1 /v1/completions", "d1 /v1/completions"]);
    },
  );
});

Deno.test("generate() serves a prompt directly whose KV no buffer could hold", async () => {
  await withCrowd([P, D, E], tokenizing(601), {}, async ({ doorway, deps, upstream }) => {
    const context = doorway.context();
    const { status } = await generate(deps, context, ask({ request: TEXT }));
    assertEquals([status, context.trace.directReason], [200, "kv_buffer"]);
    assert(upstream.sent.every(({ to, path }) => to !== "p1" || path === "/tokenize"));
    assertEquals(doorway.taken, [0, 0, 0]);
  });
});

Deno.test("generate() gives the seats of a handoff that failed back before one engine serves", async () => {
  const failing = (sent: Sent): Reply =>
    sent.to === "p1" ? json({ error: { message: "boom" } }, 500) : json({ by: sent.to });
  // The only engine that could serve is the one that was to decode, and has a single seat.
  await withCrowd([P, D], failing, {}, async ({ doorway, deps }) => {
    const context = doorway.context();
    const { status } = await generate(deps, context, ask());
    assertEquals([status, context.trace.directReason], [200, "handoff_failed"]);
    assertEquals(context.trace.events.filter(({ step }) => step === "queued"), []);
    for (let round = 0; round < 5; round++) await doorway.clock.advance(1_000);
    assertEquals(doorway.taken, [0, 0, 0]);
  });
});

/** A budget of `count` further attempts, for ever. */
function budgetOf(count: 0 | 1, clock: FakeClock): RetryBudget {
  const budget = new RetryBudget(clock, { perRequest: 1, share: 0, perSecond: 0 });
  if (count === 0) budget.take();
  return budget;
}

Deno.test("generate() takes no seat of another pair where the budget for attempts is spent", async () => {
  const script = usual(({ to }) =>
    to === "p1" ? json({ error: { message: "boom" } }, 500) : undefined
  );
  await withCrowd([P, P2, D, E], script, {}, async ({ doorway, deps, clock, upstream }) => {
    const retries = budgetOf(0, clock);
    const context = doorway.context();
    const { status } = await generate({ ...deps, retries }, context, ask());
    assertEquals([status, context.trace.directReason], [200, "handoff_failed"]);
    assertEquals(upstream.sent.filter(({ to }) => to === "p2"), []);
    assertEquals(context.trace.events.filter(({ step }) => step === "retry"), []);
    for (let round = 0; round < 5; round++) await doorway.clock.advance(1_000);
    assertEquals(doorway.taken, [0, 0, 0]);
  });
});

Deno.test("generate() spends one attempt on one that has to wait for more room than it seemed", async () => {
  const usually = tokenizing(350);
  const script = (sent: Sent): Reply | Error | Promise<Reply | Error> =>
    sent.to === "p1" ? json({ error: { message: "boom" } }, 500) : usually(sent);
  const bounds = { prefill: 9, serving: 9 };
  await withCrowd([P, P2, D], script, bounds, async ({ doorway, deps, clock, upstream }) => {
    const retries = budgetOf(1, clock);
    const other = doorway.fleet.seatPair({ prefill: P2, decode: D }, 400);
    const context = doorway.context();
    const answering = generate({ ...deps, retries }, context, ask({ request: TEXT }));
    await eventually(() => doorway.admission.waiting === 1);
    assertEquals(doorway.taken, [2, 400, 1]);
    other[Symbol.dispose]();
    const { status } = await answering;
    assertEquals([status, context.trace.route], [200, "handoff_p1"]);
    assertEquals(context.trace.events.filter(({ step }) => step === "retry").length, 1);
    assertEquals([retries.allows(), doorway.taken], [false, [0, 0, 0]]);
    assertEquals(upstream.sent.map(({ to, path }) => `${to} ${path}`), [
      "p1 /tokenize",
      "p2 /tokenize",
      "p2 /v1/completions",
      "d1 /v1/completions",
    ]);
  });
});

Deno.test("direct() takes a seat of another engine only where one more attempt may be made", async () => {
  for (const count of [0, 1] as const) {
    const script = ({ to }: Sent): Reply => to === "e1" ? json({}, 503) : json({ by: to });
    await withCrowd([E, E2], script, {}, async ({ doorway, deps, clock, upstream }) => {
      const retries = budgetOf(count, clock);
      const wish = { path: "/v1/embeddings", model: "m", stream: false };
      const { status } = await direct({ ...deps, retries }, doorway.context(), wish);
      assertEquals(status, count === 0 ? 503 : 200);
      assertEquals(upstream.sent.map(({ to }) => to), count === 0 ? ["e1"] : ["e1", "e2"]);
      assertEquals([retries.allows(), doorway.taken], [false, [0, 0, 0]]);
    });
  }
});

Deno.test("direct() spends no attempt where the other engine has no room", async () => {
  await withCrowd([E, E2], () => json({}, 503), {}, async ({ doorway, deps, clock }) => {
    const retries = budgetOf(1, clock);
    const seat = doorway.fleet.seat(E2);
    const wish = { path: "/v1/embeddings", model: "m", stream: false };
    const { status } = await direct({ ...deps, retries }, doorway.context(), wish);
    assertEquals([status, retries.allows(), doorway.taken], [503, true, [1, 0, 0]]);
    seat.release();
  });
});
