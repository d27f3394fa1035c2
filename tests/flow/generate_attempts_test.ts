import { RouterError } from "../../lib/base/mod.ts";
import { generate } from "../../lib/flow/mod.ts";
import type { Pair } from "../../lib/selection/mod.ts";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "../support/assert.ts";
import { settle } from "../support/fake_clock.ts";
import { contextAt, generationOf, seriesOf } from "../support/flow_fakes.ts";
import { type EngineScript, json, type Reply } from "../support/scripted_upstream.ts";
import {
  answered,
  ask,
  D1,
  D2,
  FAILED,
  KV_WAIT_MS,
  LMCACHE,
  NIXL,
  once,
  P1,
  P2,
  pair,
  pairAsks,
  PREFILLED,
  type Setting,
  usual,
  withEngines,
} from "./support.ts";

async function refused({ deps, clock }: Setting): Promise<RouterError> {
  const asked = generate(deps, contextAt(clock), ask());
  return await assertRejects(() => asked, RouterError);
}

const FIRST = {
  model: "m",
  session: "s",
  mode: "d1",
  attempt: 1,
  exclude: [],
  tried: undefined,
} as const;

Deno.test("generate() gives the answer of the first pair", async () => {
  await withEngines(NIXL, usual(), async (setting) => {
    const { answer, text, context } = await answered(setting);
    assertEquals([answer.status, text], [200, '{"by":"d1"}']);
    assertEquals(pairAsks(setting), [FIRST]);
    assertEquals(setting.upstream.sent.map(({ to, path }) => [to, path]), [
      ["p1", "/v1/completions?x=1"],
      ["d1", "/v1/completions?x=1"],
    ]);
    assertEquals(setting.fleet.landed, ["prefill p1 ok", "decode d1 ok"]);
    assertEquals([context.trace.route, context.trace.directReason], ["handoff_nixl", undefined]);
    assertEquals(await seriesOf(setting.metrics, "pd_router_direct_total"), {});
  });
});

Deno.test("generate() asks for a pair of mode P1 where a decode engine takes it", async () => {
  await withEngines(LMCACHE, usual(), async (setting) => {
    const { text, context } = await answered(setting);
    assertEquals(JSON.parse(text).choices[0].text, " one two");
    assertEquals(pairAsks(setting), [{ ...FIRST, mode: "p1" }]);
    assertEquals(context.trace.route, "handoff_p1");
  });
});

Deno.test("generate() hands off again, around what has failed", async () => {
  const unreachable = new RouterError("upstream-unreachable", "nobody");
  const cases = [
    ["p1", FAILED, "prefill_failed", [["p1", "failed"], ["d1", "tainted"]]],
    ["p1", unreachable, "prefill_failed", [["p1", "failed"]]],
    ["d1", FAILED, "decode_failed", [["d1", "failed"], ["p1", "failed"]]],
    ["d1", unreachable, "decode_failed", [["d1", "failed"], ["p1", "failed"]]],
  ] as const;
  for (const [id, reply, reason, excluded] of cases) {
    await withEngines(NIXL, usual(once(id, reply)), async (setting) => {
      const { fleet, metrics, lines } = setting;
      fleet.pairs.push(pair(P1, D1), pair(P2, D2));
      const { text, context } = await answered(setting);
      assertEquals(text, '{"by":"d2"}');
      const exclude = excluded.map(([engine, why]) => ({ id: engine, why }));
      const tried = { prefill: P1, decode: D1 };
      assertEquals(pairAsks(setting), [FIRST, { ...FIRST, attempt: 2, exclude, tried }]);
      const counted = await seriesOf(metrics, "pd_router_handoff_retries_total");
      assertEquals(counted, { [`reason=${reason}`]: 1 });
      const retries = context.trace.events.filter(({ step }) => step === "retry");
      assertEquals(retries.map(({ note }) => note), [reason]);
      const told = lines.filter(({ message }) => message === "Handing off again");
      assertEquals(told.map(({ level, request, reason: why }) => [level, request, why]), [
        ["warning", "r", reason],
      ]);
    });
  }
});

Deno.test("generate() fails with the second error after two attempts", async () => {
  const script = usual(({ to }) => json({ error: { message: `${to} is ill` } }, 500));
  await withEngines(NIXL, script, async (setting) => {
    setting.fleet.pairs.push(pair(P1, D1), pair(P2, D2));
    const error = await refused(setting);
    assertEquals(error.code, "prefill-failed");
    assertStringIncludes(error.message, "p2 is ill");
    assertEquals(setting.fleet.pairAsks.length, 2);
    assertEquals(setting.upstream.sent.map(({ to }) => to), ["p1", "p2"]);
  });
});

Deno.test("generate() fails with the first error where another attempt would be the same", async () => {
  const cases = [
    // The prefill engine that failed, though with another decode engine.
    ["p1", "nixl", pair(P1, D1)],
    ["p1", "nixl", pair(P1, D2)],
    // The decode engine that failed, though with another prefill engine.
    ["d1", "shared_storage", pair(P2, D1)],
  ] as const;
  for (const [id, kv, second] of cases) {
    const engines = NIXL.map((engine) => ({ ...engine, kv }));
    const script = usual(({ to }) => to === id ? FAILED : undefined);
    await withEngines(engines, script, async (setting) => {
      const { fleet, metrics } = setting;
      const spoken = ({ prefill, decode }: Pair): ReturnType<typeof pair> =>
        pair({ ...prefill, kv }, { ...decode, kv });
      fleet.pairs.push(spoken(pair(P1, D1).pair), spoken(second.pair));
      const error = await refused(setting);
      assertEquals(error.code, id === "p1" ? "prefill-failed" : "decode-failed");
      assertStringIncludes(error.message, `http://${id}:8000`);
      assertEquals(fleet.pairAsks.length, 2);
      assertEquals(setting.upstream.sent.filter(({ to }) => to === "p2"), []);
      assertEquals(await seriesOf(metrics, "pd_router_handoff_retries_total"), {});
    });
  }
});

Deno.test("generate() tries an engine that did not fail again, beside another one", async () => {
  await withEngines(NIXL, usual(once("p1", FAILED)), async (setting) => {
    setting.fleet.pairs.push(pair(P1, D1), pair(P2, D1));
    assertEquals((await answered(setting)).text, '{"by":"d1"}');
  });
});

Deno.test("generate() asks the same pair again where a kept connection was lost", async () => {
  const lost = new RouterError("upstream-lost", "The engine closed a kept connection");
  for (const id of ["p1", "d1"]) {
    await withEngines([P1, D1], usual(once(id, lost)), async (setting) => {
      assertEquals((await answered(setting)).text, '{"by":"d1"}');
      assertEquals(setting.fleet.pairAsks.map(({ attempt }) => attempt), [1, 2]);
      assertEquals(setting.upstream.sent.filter(({ to }) => to === id).length, 2);
    });
  }
});

Deno.test("generate() does not serve by an engine that KV may have spoilt", async () => {
  await withEngines(LMCACHE, usual(), async (setting) => {
    const { pull, clock, deps } = setting;
    // The notifications are lost: the pages may be there, and empty.
    pull.notify = () => {};
    const asked = assertRejects(() => generate(deps, contextAt(clock), ask()), RouterError);
    await settle();
    assert(clock.dueIn(KV_WAIT_MS));
    await clock.advance(KV_WAIT_MS);
    assertEquals((await asked).code, "kv-timeout");
    assertEquals(setting.fleet.pairAsks.map(({ exclude }) => exclude), [[], [
      { id: "p1", why: "failed" },
      { id: "d1", why: "failed" },
      { id: "d1", why: "spoilt" },
    ]]);
    assertEquals(setting.fleet.directAsks, []);
  });
});

Deno.test("generate() finds a way for each of several prompts", async () => {
  const several = generationOf("completions", { prompt: [[1], [], [2, 3]], max_tokens: 4 });
  const script: EngineScript = usual(({ to, text }) => {
    const { prompt } = JSON.parse(text);
    const choice = { index: 0, text: `${to} ${prompt}`, finish_reason: "length" };
    return to.startsWith("p") ? undefined : json({ choices: [choice] });
  });
  await withEngines(NIXL, script, async (setting) => {
    const { text, context } = await answered(setting, { request: several });
    const { choices } = JSON.parse(text);
    assertEquals(choices.map((choice: { text: string }) => choice.text.split(" ")[1]), [
      "1",
      "",
      "2,3",
    ]);
    assertEquals(context.trace.route, "fan_out");
    assertEquals(setting.fleet.pairAsks.map(({ attempt }) => attempt), [1, 1]);
    assertEquals(await seriesOf(setting.metrics, "pd_router_direct_total"), {
      "reason=malformed": 1,
    });
  });
});

Deno.test("generate() makes no second attempt for a client that has gone", async () => {
  const prefilled = Promise.withResolvers<Reply>();
  const script: EngineScript = (sent) => sent.to === "p1" ? prefilled.promise : json({});
  await withEngines(NIXL, script, async (setting) => {
    const client = new AbortController();
    const context = contextAt(setting.clock, client.signal);
    const asked = assertRejects(() => generate(setting.deps, context, ask()), RouterError);
    await settle();
    client.abort();
    assertEquals((await asked).code, "client-gone");
    assertEquals(setting.fleet.pairAsks.length, 1);
    prefilled.resolve(PREFILLED);
  });
});
