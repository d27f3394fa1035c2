import { assert, assertEquals } from "../support/assert.ts";
import { engineOf, generationOf, seriesOf } from "../support/flow_fakes.ts";
import { json } from "../support/scripted_upstream.ts";
import {
  answered,
  D1,
  FAILED,
  LMCACHE,
  NIXL,
  once,
  P1,
  pair,
  pairAsks,
  type Setting,
  usual,
  withEngines,
} from "./support.ts";

Deno.test("generate() goes direct with the reason, and asks for no pair", async () => {
  const cases = [
    [NIXL, { prompt: "a", suffix: "b" }, "suffix"],
    [LMCACHE, { prompt: "a", n: 2 }, "n"],
    [[engineOf("a", "any")], { prompt: "a" }, "no_nixl_receiver"],
  ] as const;
  for (const [engines, body, reason] of cases) {
    await withEngines(engines, usual(), async (setting) => {
      const request = generationOf("completions", body);
      const { context } = await answered(setting, { request });
      assertEquals(pairAsks(setting), []);
      assertEquals(setting.fleet.directAsks, [
        { model: "m", session: "s", attempt: 1, exclude: [] },
      ]);
      assertEquals([context.trace.route, context.trace.directReason], ["direct", reason]);
      assertEquals(await seriesOf(setting.metrics, "pd_router_direct_total"), {
        [`reason=${reason}`]: 1,
      });
      assertEquals(setting.upstream.sent.map(({ text }) => JSON.parse(text)), [
        { model: "m", ...body },
      ]);
    });
  }
});

Deno.test("generate() goes direct where no pair is to be had, and says what there is none of", async () => {
  const cases = [["prefill", "no_prefill_engine"], ["receiver", "no_nixl_receiver"]] as const;
  for (const [lacks, reason] of cases) {
    await withEngines(NIXL, usual(), async (setting) => {
      setting.fleet.pairs.push({ kind: "none", lacks });
      const { context } = await answered(setting);
      assertEquals(context.trace.directReason, reason);
      assertEquals(setting.upstream.sent.map(({ to }) => to), ["d1"]);
    });
  }
});

/** What keeps a request apart from KV of its prompt at a decode engine. */
const TAG = { "lmcache.tag.pd_router": "direct" };

/** `kv_transfer_params` of what was sent last. */
function lastParams({ upstream }: Setting): unknown {
  return JSON.parse(upstream.sent.at(-1)?.text ?? "{}").kv_transfer_params;
}

Deno.test("generate() goes direct for what it finds on the way, apart from KV that has moved", async () => {
  const long = generationOf("completions", { prompt: [1, 2, 3], max_tokens: 5_000 });
  await withEngines(LMCACHE, usual(), async (setting) => {
    const { context } = await answered(setting, { request: long });
    assertEquals([context.trace.route, context.trace.directReason], ["direct", "context_length"]);
    assertEquals(lastParams(setting), undefined);
    assertEquals(setting.fleet.landed, ["direct d1 ok"]);
  });
  await withEngines(LMCACHE, usual(once("d1", json({}, 400))), async (setting) => {
    const { context, text } = await answered(setting);
    assertEquals([text, context.trace.directReason], ['{"by":"d1"}', "decode_refused"]);
    assertEquals(lastParams(setting), TAG);
  });
});

Deno.test("generate() serves apart from the KV of an attempt whose engines have gone since", async () => {
  await withEngines(LMCACHE, usual(once("p1", FAILED)), async (setting) => {
    const [prefill, decode] = LMCACHE;
    assert(prefill !== undefined && decode !== undefined);
    setting.fleet.pairs.push(pair(prefill, decode), { kind: "none", lacks: "prefill" });
    const { text, context } = await answered(setting);
    assertEquals([text, context.trace.directReason], ['{"by":"d1"}', "no_prefill_engine"]);
    assertEquals(lastParams(setting), TAG);
  });
});

Deno.test("generate() serves apart from the KV of an attempt before, whose engines are still there", async () => {
  const forced = generationOf("chat", {
    messages: [{ role: "user", content: "hi" }],
    tools: [{ type: "function", function: { name: "f" } }],
    tool_choice: "required",
  });
  const engines = ["p1", "p2"].map((id) => engineOf(id, "prefill", "lmcache"));
  const decode = engineOf("d1", "decode", "lmcache", ["d1"]);
  // The one fails at it, the other refuses a tool choice that was relaxed.
  const script = usual(({ to }) => to === "p1" ? FAILED : to === "p2" ? json({}, 400) : undefined);
  await withEngines([...engines, decode], script, async (setting) => {
    const { context } = await answered(setting, { request: forced });
    assertEquals(setting.upstream.sent.map(({ to }) => to), ["p1", "p2", "d1"]);
    assertEquals(context.trace.directReason, "tools");
    assertEquals(lastParams(setting), TAG);
  });
});

Deno.test("generate() goes direct with a decode engine that no protocol moves KV to", async () => {
  await withEngines(NIXL, usual(), async (setting) => {
    setting.fleet.pairs.push(pair(P1, { ...D1, kv: "none" }));
    const { context } = await answered(setting);
    assertEquals(context.trace.directReason, "no_nixl_receiver");
  });
});

Deno.test("generate() serves by the engine that the client picked, and decides nothing", async () => {
  const picked = engineOf("a", "any");
  await withEngines([...LMCACHE, picked], usual(), async (setting) => {
    const { text, context } = await answered(setting, { engine: picked });
    assertEquals(text, '{"by":"a"}');
    assertEquals([context.trace.route, context.trace.directReason], ["direct", undefined]);
    assertEquals([setting.fleet.pairAsks, setting.fleet.directAsks], [[], []]);
    assertEquals(await seriesOf(setting.metrics, "pd_router_direct_total"), {});
    assertEquals(lastParams(setting), undefined);
  });
});

Deno.test("generate() tags what is served directly where that is configured and KV is held", async () => {
  const request = generationOf("completions", { prompt: "a", suffix: "b" });
  for (const [engines, params] of [[LMCACHE, TAG], [NIXL, undefined]] as const) {
    await withEngines(engines, usual(), async (setting) => {
      await answered(setting, { request });
      assertEquals(lastParams(setting), params);
    }, { lmcacheTagDirect: true });
  }
});

Deno.test("generate() keeps a client's KV fields only where it trusts them", async () => {
  const own = { a: 1 };
  const body = { prompt: "a", suffix: "b", kv_transfer_params: own };
  const request = generationOf("completions", body);
  for (const trustClientKvParams of [false, true]) {
    await withEngines(NIXL, usual(), async (setting) => {
      await answered(setting, { request });
      assertEquals(lastParams(setting), trustClientKvParams ? own : undefined);
    }, { trustClientKvParams });
  }
});
