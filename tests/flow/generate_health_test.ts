import { RouterError } from "../../lib/base/mod.ts";
import { generate, type GenerateDeps } from "../../lib/flow/mod.ts";
import type { PairChoice } from "../../lib/selection/mod.ts";
import { assert, assertEquals, assertRejects } from "../support/assert.ts";
import { settle } from "../support/fake_clock.ts";
import { contextAt, generationOf, seriesOf } from "../support/flow_fakes.ts";
import { json } from "../support/scripted_upstream.ts";
import {
  answered,
  ask,
  D1,
  D2,
  FAILED,
  KV_WAIT_MS,
  LMCACHE,
  NIXL,
  P1,
  P2,
  pair,
  type Setting,
  type Told,
  usual,
  withEngines,
} from "./support.ts";

const DIRECT: Partial<GenerateDeps> = { failurePolicy: "direct" };
const TAG = { "lmcache.tag.pd_router": "direct" };

function shutPair(): PairChoice {
  return { ...pair(P1, D1), shut: "kv-timeout" };
}

async function refused({ deps, clock }: Setting, more = {}): Promise<RouterError> {
  return await assertRejects(() => generate(deps, contextAt(clock), ask(more)), RouterError);
}

function sentTo({ upstream }: Setting): readonly string[] {
  return upstream.sent.map(({ to }) => to);
}

/** An answer for which the KV wait has to pass first. */
async function afterWait(setting: Setting, more = {}): Promise<Told> {
  setting.pull.notify = () => {};
  const told = answered(setting, more);
  await settle();
  assert(setting.clock.dueIn(KV_WAIT_MS));
  await setting.clock.advance(KV_WAIT_MS);
  return await told;
}

Deno.test("generate() serves by one engine at once where all pairs are shut: pair_shut", async () => {
  await withEngines(LMCACHE, usual(), async (setting) => {
    setting.fleet.pairs.push(shutPair());
    const { text, context } = await answered(setting);
    assertEquals(text, '{"by":"d1"}');
    assertEquals([context.trace.route, context.trace.directReason], ["direct", "pair_shut"]);
    assertEquals(await seriesOf(setting.metrics, "pd_router_direct_total"), {
      "reason=pair_shut": 1,
    });
    assertEquals(sentTo(setting), ["d1"]);
    // KV of the same prompt may be there that another handoff has left.
    const [sent] = setting.upstream.sent;
    assertEquals(JSON.parse(sent?.text ?? "").kv_transfer_params, TAG);
  }, DIRECT);
});

Deno.test("generate() hands off by a shut pair where the policy is error, or no engine could serve", async () => {
  for (const failurePolicy of ["error", "direct"] as const) {
    await withEngines(NIXL, usual(), async (setting) => {
      setting.fleet.pairs.push(shutPair());
      if (failurePolicy === "direct") {
        for (const { id } of [D1, D2]) {
          setting.fleet.verdicts.set(id, { kind: "shut", why: "upstream-lost" });
        }
      }
      await answered(setting);
      assertEquals(sentTo(setting), ["p1", "d1"]);
    }, { failurePolicy });
  }
});

Deno.test("generate() serves by one engine what two attempts could not hand off: handoff_failed", async () => {
  const script = usual(({ to }) => to.startsWith("p") ? FAILED : undefined);
  await withEngines(NIXL, script, async (setting) => {
    setting.fleet.pairs.push(pair(P1, D1), pair(P2, D2));
    const { text, context } = await answered(setting);
    assertEquals(text, '{"by":"d1"}');
    assertEquals(context.trace.directReason, "handoff_failed");
    assertEquals(sentTo(setting), ["p1", "p2", "d1"]);
    const told = setting.lines.filter(({ message }) =>
      message === "The handoff failed: one engine serves the whole request"
    );
    assertEquals(told.map(({ level, request, reason }) => [level, request, reason]), [
      ["warning", "r", "prefill_failed"],
    ]);
  }, DIRECT);
});

Deno.test("generate() goes around the decode engine that has failed when it serves by one engine", async () => {
  const script = usual(({ to, text }) =>
    to === "d1" && text.includes("remote_engine_id") ? FAILED : undefined
  );
  await withEngines(NIXL, script, async (setting) => {
    setting.fleet.pairs.push(pair(P1, D1), { ...pair(P1, D1), shut: "decode-failed" });
    assertEquals((await answered(setting)).text, '{"by":"d2"}');
    assertEquals(setting.fleet.directAsks.map(({ exclude }) => exclude), [[
      { id: "d1", why: "failed" },
      { id: "p1", why: "failed" },
    ]]);
  }, DIRECT);
});

Deno.test("generate() tells the failure where the policy is error", async () => {
  const script = usual(({ to }) => to.startsWith("p") ? FAILED : undefined);
  await withEngines(NIXL, script, async (setting) => {
    assertEquals((await refused(setting)).code, "prefill-failed");
    assertEquals(setting.fleet.directAsks, []);
  });
});

for (const status of [429, 503]) {
  Deno.test(`generate() passes a refusal for want of room on, and does not serve it directly: ${status}`, async () => {
    for (const full of ["p", "d"]) {
      const body = { error: { message: "no room" } };
      const script = usual(({ to }) => to.startsWith(full) ? json(body, status) : undefined);
      await withEngines(NIXL, script, async (setting) => {
        setting.fleet.pairs.push(pair(P1, D1), pair(P2, D2));
        const { refusal } = await refused(setting);
        assertEquals(refusal?.status, status);
        assertEquals(setting.fleet.directAsks, []);
      }, DIRECT);
    }
  });
}

Deno.test("generate() passes a refusal of the request on, and does not serve it directly", async () => {
  for (const refusing of ["p1", "d1"]) {
    const body = { error: { message: "too long", code: 400 } };
    const script = usual(({ to }) => to === refusing ? json(body, 400) : undefined);
    await withEngines([P1, D1], script, async (setting) => {
      const { answer, text } = await answered(setting);
      assertEquals([answer.status, JSON.parse(text)], [400, body]);
      assertEquals(setting.fleet.directAsks, []);
    }, DIRECT);
  }
});

Deno.test("generate() keeps a refusal of the first attempt where the second has a shut pair alone", async () => {
  const script = usual(({ to }) => to === "p1" ? json({ error: {} }, 429) : undefined);
  await withEngines(NIXL, script, async (setting) => {
    setting.fleet.pairs.push(pair(P1, D1), { ...pair(P2, D2), shut: "kv-timeout" });
    assertEquals((await refused(setting)).refusal?.status, 429);
    assertEquals(setting.fleet.directAsks, []);
  }, DIRECT);
});

Deno.test("generate() has a spoilt engine serve nothing but what is set apart from its pages", async () => {
  await withEngines(LMCACHE, usual(), async (setting) => {
    const { text, context } = await afterWait(setting);
    assertEquals(text, '{"by":"d1"}');
    assertEquals(context.trace.directReason, "handoff_failed");
    assertEquals(sentTo(setting), ["p1", "d1"]);
    assertEquals(JSON.parse(setting.upstream.sent[1]?.text ?? "").kv_transfer_params, TAG);
  }, DIRECT);
});

Deno.test("generate() never has a spoilt engine serve what cannot be set apart", async () => {
  const request = generationOf("completions", {
    prompt: [1, 2, 3],
    max_tokens: 4,
    kv_transfer_params: { of: "another router" },
  });
  await withEngines(LMCACHE, usual(), async (setting) => {
    const failing = assertRejects(() => afterWait(setting, { request }), RouterError);
    assertEquals((await failing).code, "kv-timeout");
    assertEquals(sentTo(setting), ["p1"]);
  }, { ...DIRECT, trustClientKvParams: true });
});

const STREAMED = generationOf("completions", { prompt: [1, 2, 3], max_tokens: 4, stream: true });

Deno.test("generate() lets nothing of a stream leave that tries a pair, before its KV is there", async () => {
  await withEngines(LMCACHE, usual(), async (setting) => {
    setting.fleet.pairs.push({ ...pair(LMCACHE[0] ?? P1, LMCACHE[1] ?? D1), trial: true });
    const { context } = await afterWait(setting, { request: STREAMED });
    assertEquals(context.trace.directReason, "handoff_failed");
    assertEquals(sentTo(setting), ["p1", "d1"]);
    assertEquals(setting.fleet.landed, [
      "prefill p1 ok",
      "decode d1 failed kv-timeout",
      "direct d1 ok",
    ]);
  }, DIRECT);
});

Deno.test("generate() gives the stream that tries a pair as any other when its KV has come", async () => {
  const texts: string[] = [];
  for (const trial of [true, undefined] as const) {
    await withEngines(LMCACHE, usual(), async (setting) => {
      const chosen = pair(LMCACHE[0] ?? P1, LMCACHE[1] ?? D1);
      setting.fleet.pairs.push(trial === undefined ? chosen : { ...chosen, trial });
      const { text, context } = await answered(setting, { request: STREAMED });
      assertEquals(context.trace.route, "handoff_p1");
      texts.push(text);
    }, DIRECT);
  }
  assert(texts[0]?.includes(" one") && texts[0].includes(" two"), texts[0]);
  assertEquals(texts[0], texts[1]);
});
