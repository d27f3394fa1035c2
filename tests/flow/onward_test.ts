import { type Engine, RouterError } from "../../lib/base/mod.ts";
import { generate, type GenerateDeps } from "../../lib/flow/mod.ts";
import { RetryBudget } from "../../lib/request/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { settle } from "../support/fake_clock.ts";
import { contextAt, engineOf, generationOf, seriesOf } from "../support/flow_fakes.ts";
import { data, event, usageEvent } from "../support/scripted_pair.ts";
import { json, type Reply, type Sent, stream } from "../support/scripted_upstream.ts";
import { NIXL, type Setting, withEngines } from "./support.ts";

const COUNTED = "pd_router_stream_continuations_total";

const P1_ENGINES = [
  engineOf("p1", "prefill", "lmcache"),
  engineOf("d1", "decode", "lmcache", ["p1"]),
  engineOf("d2", "decode", "lmcache", ["p1"]),
];

const PROMPT = [1, 2, 3];
const FIRST = 91;
const LOST = new RouterError("upstream-lost", "The connection was lost");

/** How a decode engine's stream ends: after so many tokens, with what is behind them. */
interface Cut {
  readonly tokens: number;
  readonly end?: readonly (string | Error)[];
}

/** Engines of a model that says 91, 92 and so on; streams are cut by `cuts`, one after another. */
function counting(cuts: readonly Cut[], options: { readonly ids?: boolean } = {}) {
  const left = [...cuts];
  return ({ to, path, text }: Sent): Reply => {
    if (path === "/v1/models") return json({ data: [] });
    const body = JSON.parse(text);
    if (path === "/detokenize") {
      return json({ prompt: body.tokens.map((id: number) => ` ${id}`).join("") });
    }
    const next = FIRST + body.prompt.length - PROMPT.length;
    if (to.startsWith("p")) {
      return json({
        id: "cmpl-p",
        choices: [{ index: 0, text: ` ${next}`, finish_reason: "length", token_ids: [next] }],
        usage: { prompt_tokens: 3, completion_tokens: 1, total_tokens: 4 },
        kv_transfer_params: { first_tok: next, remote_engine_id: "p" },
      });
    }
    if (body.stream !== true) return json({ by: to });
    const cut = left.shift();
    const tokens = Math.min(body.max_tokens, cut?.tokens ?? Infinity);
    const ids = options.ids !== false && body.return_token_ids === true;
    const events = Array.from({ length: tokens }, (_, at) =>
      event(` ${next + at}`, {
        ...(ids ? { token_ids: [next + at], ...promptIds(at, body.prompt) } : {}),
        finish_reason: at + 1 === body.max_tokens ? "length" : null,
      }));
    const rest = [usageEvent(body.prompt.length, tokens), data("[DONE]")];
    return stream(...events, ...cut === undefined ? rest : cut.end ?? [LOST]);
  };
}

function promptIds(at: number, ids: readonly number[]): { readonly prompt_token_ids?: unknown } {
  return at === 0 ? { prompt_token_ids: ids } : {};
}

interface Asked {
  readonly engines?: readonly Engine[];
  readonly cuts: readonly Cut[];
  readonly ids?: boolean;
  readonly body?: Readonly<Record<string, unknown>>;
  readonly changes?: (setting: Setting) => Partial<GenerateDeps>;
  readonly signal?: AbortSignal;
}

/** Have a stream of six tokens answered; what the client has, and what `check` makes of the rest. */
async function streamed(
  { engines = P1_ENGINES, cuts, ids = true, body = {}, changes = () => ({}), signal }: Asked,
  check: (setting: Setting, text: string, failure: unknown) => void | Promise<void>,
): Promise<void> {
  await withEngines(engines, counting(cuts, { ids }), async (setting) => {
    const request = generationOf("completions", {
      prompt: PROMPT,
      max_tokens: 6,
      min_tokens: 5,
      stream: true,
      stream_options: { include_usage: true },
      ...body,
    });
    const deps = { ...setting.deps, continueStreams: true, ...changes(setting) };
    const asking = { request, path: "/v1/completions", sessionKey: undefined };
    const answer = await generate(deps, contextAt(setting.clock, signal), asking);
    assert(!(answer.body instanceof Uint8Array));
    let text = "";
    let failure: unknown;
    try {
      for (let bytes = await answer.body.read(); bytes; bytes = await answer.body.read()) {
        text += new TextDecoder().decode(bytes);
      }
    } catch (error) {
      failure = error;
    }
    await check(setting, text, failure ?? answer.body.failure);
    answer.body.cancel();
  }, { continueStreams: true });
}

// deno-lint-ignore no-explicit-any
type Json = any;

function chunksOf(text: string): readonly Json[] {
  return text.split("\n\n").filter((part) => part !== "" && !part.endsWith("[DONE]"))
    .map((part) => JSON.parse(part.slice("data: ".length)));
}

function saidIn(text: string): string {
  return chunksOf(text).flatMap(({ choices = [] }) => choices).map((choice) => choice.text).join(
    "",
  );
}

const WHOLE = " 91 92 93 94 95 96";
const USAGE = { prompt_tokens: 3, completion_tokens: 6, total_tokens: 9 };

/** What engines were asked to generate from, and how much. */
function legs({ upstream }: Setting): readonly unknown[] {
  return upstream.sent.filter(({ path }) => path === "/v1/completions").map(({ to, text }) => {
    const { prompt, max_tokens, min_tokens, stop, return_token_ids } = JSON.parse(text);
    return [to, prompt, max_tokens, min_tokens, stop, return_token_ids];
  });
}

Deno.test("onwardFor() has another pair go on from prompt and tokens: mode P1", async () => {
  await streamed({ cuts: [{ tokens: 2 }], body: { stop: ["zz"] } }, async (setting, text) => {
    assertEquals(saidIn(text), WHOLE);
    assertEquals(chunksOf(text).at(-1).usage, USAGE);
    assertEquals(new Set(chunksOf(text).map(({ id }) => id)).size, 1);
    assertEquals(legs(setting), [
      ["p1", [1, 2, 3], 1, 1, ["zz"], undefined],
      ["d1", [1, 2, 3, 91], 5, 4, undefined, true],
      ["p1", [1, 2, 3, 91, 92, 93], 1, 1, undefined, undefined],
      ["d2", [1, 2, 3, 91, 92, 93, 94], 2, 1, undefined, true],
    ]);
    assertEquals(await seriesOf(setting.metrics, COUNTED), { "result=continued": 1 });
    const ids = setting.upstream.sent.map(({ request }) =>
      request.headers?.find(([name]) => name === "x-request-id")?.[1]
    );
    const [first, second, third, fourth] = ids.filter((_, at) =>
      setting.upstream.sent[at]?.path === "/v1/completions"
    );
    assertEquals([first, third], [second, fourth]);
    assert(first !== third, "a fresh id");
    const failed = setting.fleet.landed.filter((line) => line.includes("failed"));
    assertEquals(failed, ["decode d1 failed upstream-lost"]);
  });
});

Deno.test("onwardFor() has another pair go on from prompt and tokens: relays", async () => {
  await streamed({ engines: NIXL, cuts: [{ tokens: 3 }] }, (setting, text) => {
    assertEquals(saidIn(text), WHOLE);
    assertEquals(chunksOf(text).at(-1).usage, USAGE);
    assertEquals(legs(setting), [
      ["p1", [1, 2, 3], 1, undefined, undefined, undefined],
      ["d1", [1, 2, 3], 6, 5, undefined, true],
      ["p2", [1, 2, 3, 91, 92, 93], 1, 1, undefined, undefined],
      ["d2", [1, 2, 3, 91, 92, 93], 3, 2, undefined, true],
    ]);
    const told = chunksOf(text).flatMap(({ choices }) => choices);
    assert(told.every(({ token_ids, prompt_token_ids }) => !token_ids && !prompt_token_ids));
    const failed = setting.fleet.landed.filter((line) => line.includes("failed"));
    assertEquals(failed, ["decode d1 failed decode-failed"]);
  });
});

Deno.test("onwardFor() completes an answer of which only the end was missing", async () => {
  for (const engines of [P1_ENGINES, NIXL]) {
    const tokens = engines === NIXL ? 6 : 5;
    await streamed({ engines, cuts: [{ tokens }] }, async (setting, text) => {
      assertEquals(saidIn(text), WHOLE);
      assertEquals(chunksOf(text).at(-1).usage, USAGE);
      assert(text.endsWith("data: [DONE]\n\n"));
      assertEquals(legs(setting).length, 2);
      assertEquals(await seriesOf(setting.metrics, COUNTED), { "result=completed": 1 });
    });
  }
});

Deno.test("onwardFor() tells of the failure where nobody can go on", async () => {
  const rows: readonly (readonly [string, Asked])[] = [
    ["too_many", { cuts: [{ tokens: 1 }, { tokens: 1 }, { tokens: 1 }], body: { max_tokens: 20 } }],
    ["no_ids", { cuts: [{ tokens: 2 }], ids: false }],
    ["no_budget", {
      cuts: [{ tokens: 2 }],
      changes: ({ clock }) => {
        const retries = new RetryBudget(clock, { perRequest: 1, share: 0, perSecond: 0 });
        retries.take();
        return { retries };
      },
    }],
    ["no_pair", {
      cuts: [{ tokens: 2 }],
      changes: ({ fleet }) => {
        const choose = fleet.choosePair.bind(fleet);
        fleet.choosePair = (ask) => {
          if (ask.attempt === 1) return choose(ask);
          const chosen = choose(ask);
          return chosen.kind === "pair" ? { ...chosen, shut: "upstream-lost" } : chosen;
        };
        return {};
      },
    }],
  ];
  for (const [result, asked] of rows) {
    await streamed(asked, async (setting, text, failure) => {
      assert(failure instanceof RouterError, result);
      assertEquals(chunksOf(text).filter(({ error }) => error !== undefined).length, 1, result);
      assert(!text.includes("[DONE]"));
      const series = await seriesOf(setting.metrics, COUNTED);
      assertEquals(series[`result=${result}`], 1, JSON.stringify(series));
    });
  }
});

Deno.test("onwardFor() leaves a refusal, and a failure that is not the engine's, as they are", async () => {
  const refused = data({ error: { message: "no", type: "BadRequestError", code: 400 } });
  await streamed({ cuts: [{ tokens: 2, end: [refused] }] }, async (setting, text, failure) => {
    assert(failure instanceof RouterError);
    assertEquals(chunksOf(text).filter(({ error }) => error !== undefined).length, 1);
    assertEquals([legs(setting).length, await seriesOf(setting.metrics, COUNTED)], [2, {}]);
  });
});

Deno.test("onwardFor() asks the only engine whether it is there, and goes on with it", async () => {
  const [prefill, decode] = P1_ENGINES;
  assert(prefill && decode);
  const one = [prefill, decode];
  await streamed({ engines: one, cuts: [{ tokens: 2 }] }, (setting, text) => {
    assertEquals(saidIn(text), WHOLE);
    const asked = setting.upstream.sent.filter(({ path }) => path === "/v1/models");
    assertEquals(asked.map(({ to }) => to), ["d1"]);
  });
});

Deno.test("onwardFor() is nobody's where a stream cannot be gone on with, or need not be", async () => {
  const bodies: readonly Readonly<Record<string, unknown>>[] = [
    { presence_penalty: 0.1 },
    { frequency_penalty: -1 },
    { stream: false, stream_options: null },
  ];
  for (const body of bodies) {
    await withEngines(P1_ENGINES, counting([]), async (setting) => {
      const request = generationOf("completions", { prompt: PROMPT, max_tokens: 6, ...body });
      const asking = { request, path: "/v1/completions", sessionKey: undefined };
      const answer = await generate(setting.deps, contextAt(setting.clock), asking);
      if (!(answer.body instanceof Uint8Array)) {
        while (await answer.body.read() !== undefined) { /* to its end */ }
      }
      const asks = legs(setting).map((leg) => (leg as readonly unknown[]).at(-1));
      assertEquals(asks, [undefined, undefined]);
      await settle();
    }, { continueStreams: true });
  }
});
