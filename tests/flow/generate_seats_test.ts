import type { Engine } from "../../lib/base/mod.ts";
import { generate } from "../../lib/flow/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { eventually } from "../support/eventually.ts";
import { settle } from "../support/fake_clock.ts";
import { engineOf, generationOf } from "../support/flow_fakes.ts";
import { json, type Reply, type Sent } from "../support/scripted_upstream.ts";
import { withCrowd } from "./admission_support.ts";
import { ask, PREFILLED, REST, usual } from "./support.ts";

const P = engineOf("p1", "prefill", "lmcache");
const D = buffered(engineOf("d1", "decode", "lmcache", ["p1"]));
const E = engineOf("e1", "any");

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
