import fc from "fast-check";
import { parseRequest } from "../../lib/openai/mod.ts";
import { readGeneration } from "../../lib/disagg/mod.ts";
import { NO_RULES, shownTokens, whyUnpaid, type WorthAsk } from "../../lib/flow/mod.ts";
import { encodeUtf8 } from "../../lib/base/mod.ts";
import {
  type Candidate,
  idleCandidate,
  ModelGroup,
  type Verdict,
} from "../../lib/selection/mod.ts";
import { assert, assertEquals, fail } from "../support/assert.ts";
import { engineOf, generationOf, seriesOf } from "../support/flow_fakes.ts";
import { answered, D1, NIXL, P1, pairAsks, type Setting, usual, withEngines } from "./support.ts";

const ALL = (): boolean => true;
const SHUT: Verdict = { kind: "shut", why: "upstream-lost" };

/** Prefill engines with so many requests each, and one decode engine. */
function groupOf(
  inflight: readonly number[],
  decode: Partial<Candidate> = {},
  prefill: Partial<Candidate> = {},
): ModelGroup {
  return new ModelGroup([
    ...inflight.map((count, at) => ({
      ...idleCandidate(engineOf(`p${at}`, "prefill", "nixl")),
      inflight: count,
      ...prefill,
    })),
    { ...idleCandidate(engineOf("d", "decode", "nixl")), ...decode },
  ], "m");
}

/** A prompt of `tokens`, of which the engine has `held`. */
function prompt(tokens: number | undefined, held = 0, wish?: WorthAsk["wish"]): WorthAsk {
  return { wish, tokens: () => tokens, held: () => held };
}

Deno.test("whyUnpaid() counts what has to be computed against the least prompt", () => {
  const rules = { ...NO_RULES, minPromptTokens: 100 };
  const cases = [
    [99, 0, "short_prompt"],
    [100, 0, undefined],
    [5_000, 4_900, undefined],
    [5_000, 4_901, "short_prompt"],
    [undefined, 0, undefined],
  ] as const;
  for (const [tokens, held, reason] of cases) {
    assertEquals(whyUnpaid(rules, groupOf([0]), ALL, prompt(tokens, held)), reason, `${tokens}`);
  }
});

Deno.test("whyUnpaid() asks for nothing of a prompt that no rule looks at", () => {
  const never = (): never => fail("Not asked for");
  const ask = { wish: undefined, tokens: never, held: never };
  assertEquals(whyUnpaid(NO_RULES, groupOf([0]), ALL, ask), undefined);
  const short = { wish: undefined, tokens: () => 3, held: never };
  const rules = { ...NO_RULES, minPromptTokens: 4 };
  assertEquals(whyUnpaid(rules, groupOf([0]), ALL, short), "short_prompt");
});

Deno.test("whyUnpaid() goes around prefill engines of which each has too much", () => {
  const rules = { ...NO_RULES, maxPrefillQueue: 4 };
  const why = (group: ModelGroup): unknown => whyUnpaid(rules, group, ALL, prompt(1));
  assertEquals(why(groupOf([5, 9])), "prefill_busy");
  assertEquals(why(groupOf([5, 4])), undefined);
  // Those that cannot be asked have nothing to do with it, and where none can, others decide.
  assertEquals(why(groupOf([9], {}, { verdict: SHUT })), undefined);
  assertEquals(why(groupOf([])), undefined);
  const stats = { running: 3, waiting: 4, own: 0, readMs: 0 };
  assertEquals(why(groupOf([0], {}, { stats })), "prefill_busy");
});

Deno.test("whyUnpaid() gives clients their way before all rules, where that can be", () => {
  const rules = { minPromptTokens: 100, maxPrefillQueue: 1 };
  const busy = groupOf([9]);
  assertEquals(whyUnpaid(rules, busy, ALL, prompt(1, 0, "handoff")), undefined);
  assertEquals(whyUnpaid(NO_RULES, groupOf([0]), ALL, prompt(999, 0, "direct")), "asked");
  const alone = groupOf([9], { verdict: SHUT });
  for (const wish of ["direct", undefined] as const) {
    assertEquals(whyUnpaid(rules, alone, ALL, prompt(1, 0, wish)), undefined);
  }
});

Deno.test("whyUnpaid() never speaks against a handoff where none could serve alone", () => {
  fc.assert(fc.property(
    fc.record({
      minPromptTokens: fc.nat(9_999),
      maxPrefillQueue: fc.nat(20),
    }),
    fc.array(fc.nat(30), { maxLength: 4 }),
    fc.nat(9_999),
    fc.constantFrom(undefined, "direct", "handoff"),
    (rules, inflight, tokens, wish) => {
      const group = groupOf(inflight, { verdict: { kind: "leaving" } });
      assertEquals(whyUnpaid(rules, group, ALL, prompt(tokens, 0, wish)), undefined);
    },
  ));
});

Deno.test("shownTokens() tells ids exactly, text about, and of pictures nothing", () => {
  assertEquals(shownTokens(generationOf("completions", { prompt: [1, 2, 3] })), 3);
  assertEquals(shownTokens(generationOf("completions", { prompt: [1] }), { tokens: 7 }), 7);
  const text = shownTokens(generationOf("completions", { prompt: "a".repeat(300) }));
  assert(text !== undefined && text >= 100 && text < 110, String(text));
  const parts = [{ type: "image_url", image_url: { url: "http://x/y.png" } }];
  const body = { model: "m", messages: [{ role: "user", content: parts }] };
  const picture = parseRequest(encodeUtf8(JSON.stringify(body)));
  assertEquals(shownTokens(readGeneration("chat", picture)), undefined);
});

/** The rules of these stories, with what engines have of every prompt. */
function rulesOf(
  rules: Partial<typeof NO_RULES>,
  held = 0,
): { readonly worth: { readonly rules: typeof NO_RULES; readonly heldAt: () => number } } {
  return { worth: { rules: { ...NO_RULES, ...rules }, heldAt: () => held } };
}

async function reasons({ metrics }: Setting): Promise<unknown> {
  return await seriesOf(metrics, "pd_router_direct_total");
}

Deno.test("generate() serves short prompts by one engine, and counts them by reason", async () => {
  await withEngines(NIXL, usual(), async (setting) => {
    const short = generationOf("completions", { prompt: [1, 2, 3] });
    const { context } = await answered(setting, { request: short });
    assertEquals([context.trace.route, context.trace.directReason], ["direct", "short_prompt"]);
    assertEquals(setting.upstream.sent.map(({ to }) => to), ["d1"]);
    assertEquals(pairAsks(setting), []);
    const long = generationOf("completions", { prompt: [1, 2, 3, 4] });
    assertEquals((await answered(setting, { request: long })).context.trace.route, "handoff_nixl");
    assertEquals(await reasons(setting), { "reason=short_prompt": 1 });
  }, rulesOf({ minPromptTokens: 4 }));
});

Deno.test("generate() looks for what the engine has that would serve alone, and takes no turn", async () => {
  await withEngines([P1, D1], usual(), async (setting) => {
    const deps = { ...setting.deps, promptParts: new Set<never>() };
    const request = generationOf("completions", { prompt: Array.from({ length: 50 }, () => 7) });
    const { context } = await answered({ ...setting, deps }, { request });
    assertEquals(context.trace.directReason, "short_prompt");
    assertEquals(setting.fleet.directAsks.map(({ attempt }) => attempt), [2, 1]);
  }, rulesOf({ minPromptTokens: 10 }, 41));
  await withEngines([P1, D1], usual(), async (setting) => {
    const deps = { ...setting.deps, promptParts: new Set<never>() };
    const request = generationOf("completions", { prompt: Array.from({ length: 50 }, () => 7) });
    const { context } = await answered({ ...setting, deps }, { request });
    assertEquals(context.trace.route, "handoff_nixl");
  }, rulesOf({ minPromptTokens: 10 }, 40));
});

Deno.test("generate() does as the client asks, with or without rules", async () => {
  await withEngines(NIXL, usual(), async (setting) => {
    const { context } = await answered(setting, { wish: "direct" });
    assertEquals(context.trace.directReason, "asked");
    assertEquals(await reasons(setting), { "reason=asked": 1 });
  });
  await withEngines(NIXL, usual(), async (setting) => {
    const { context } = await answered(setting, { wish: "handoff" });
    assertEquals(context.trace.route, "handoff_nixl");
    const request = generationOf("completions", { prompt: "a", suffix: "b" });
    const other = await answered(setting, { wish: "handoff", request });
    assertEquals(other.context.trace.directReason, "suffix");
  }, rulesOf({ minPromptTokens: 1_000 }));
});

Deno.test("generate() hands off what a client wants served alone where no engine could", async () => {
  await withEngines([P1, D1], usual(), async (setting) => {
    setting.fleet.verdicts.set("d1", SHUT);
    const { context } = await answered(setting, { wish: "direct" });
    assertEquals(context.trace.route, "handoff_nixl");
  });
});
