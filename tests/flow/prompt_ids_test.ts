import { encodeUtf8, RouterError, signalOf } from "../../lib/base/mod.ts";
import type { GenerationRequest } from "../../lib/disagg/mod.ts";
import { lookUp } from "../../lib/flow/prompt_ids.ts";
import { withPrompt } from "../../lib/flow/mod.ts";
import { KvIndex, type KvPrompt } from "../../lib/kv_events/mod.ts";
import type { FlowDeps, KvLookup } from "../../lib/request/mod.ts";
import type { PromptEnd, PromptSource } from "../../lib/tokenization/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { settle } from "../support/fake_clock.ts";
import {
  contextAt,
  engineOf,
  type FlowSetting,
  flowSetting,
  generationOf,
  seriesOf,
} from "../support/flow_fakes.ts";

const IDS = Array.from({ length: 80 }, (_, at) => at + 1);
const TEXT = "a prompt of some length, ".repeat(20);
const FOUND: PromptEnd = {
  kind: "tokens",
  prompt: { ids: encodeUtf8(JSON.stringify(IDS)), count: IDS.length, maxModelLen: 4096 },
};

/** Makes ids as `find` says, and counts who is asked. */
class Setup implements AsyncDisposable {
  readonly asked: string[] = [];
  readonly lookedUp: KvPrompt[] = [];
  readonly setting: FlowSetting;
  readonly deps: FlowDeps;

  constructor(
    find: (signal: AbortSignal) => Promise<PromptEnd> = () => Promise.resolve(FOUND),
    more: Partial<PromptSource> = {},
    held: readonly (number | undefined)[] = [64, undefined],
  ) {
    const engines = [engineOf("one", "any"), engineOf("two", "any")];
    this.setting = flowSetting(engines, () => Promise.reject(new Error("nothing is sent")));
    const prompts: PromptSource = {
      exact: false,
      find: (engine, _ask, { signal }) => {
        this.asked.push(engine.id);
        return find(signalOf(signal));
      },
      tokenize: () => Promise.reject(new Error("not asked")),
      note: () => {},
      forget: () => {},
      ...more,
    };
    const index = new KvIndex({ maxBytes: 16_384, seed: 1 });
    const kvLookup: KvLookup = {
      prompts,
      prompt: (ids, making) => {
        const prompt = index.prompt(ids, making);
        this.lookedUp.push(prompt);
        return prompt;
      },
      cachedAt: (_prompt, id) => held[id === "one" ? 0 : 1],
    };
    this.deps = { ...this.setting.flow, kvLookup, promptParts: new Set(["cached"]) };
  }

  async lookUp(
    request: GenerationRequest = generationOf("completions", { prompt: TEXT }),
    signal?: AbortSignal,
  ): ReturnType<typeof lookUp> {
    return await lookUp(this.deps, contextAt(this.setting.clock, signal), request);
  }

  results(): Promise<Readonly<Record<string, number>>> {
    return seriesOf(this.setting.metrics, "pd_router_kv_lookups_total");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.setting[Symbol.asyncDispose]();
    assertEquals(this.setting.clock.pending, 0);
  }
}

Deno.test("lookUp() asks one engine for the ids, and tells who has what", async () => {
  await using setup = new Setup();
  const found = await setup.lookUp();
  assertEquals(setup.asked.length, 1);
  assertEquals([found?.cachedAt("one"), found?.cachedAt("two")], [64, undefined]);
  assertEquals([found?.ids.tokens.count, found?.ids.exact], [80, false]);
  assertEquals(setup.lookedUp.map(({ length }) => length), [80]);
  assertEquals(await setup.results(), { "result=hit": 1 });
  assertEquals(await seriesOf(setup.setting.metrics, "pd_router_kv_lookup_tokens_total"), {
    "of=prompt": 80,
    "of=cached": 64,
  });
});

Deno.test("lookUp() asks nobody for ids that the request has", async () => {
  await using setup = new Setup();
  const found = await setup.lookUp(generationOf("completions", { prompt: IDS }));
  assertEquals([setup.asked, found?.ids.tokens.count, found?.ids.exact], [[], 80, true]);
});

Deno.test("lookUp() says what was found: nothing, or that nobody knows", async () => {
  for (
    const [held, result] of [[[0, undefined], "miss"], [[undefined, undefined], "unknown"]] as const
  ) {
    await using setup = new Setup(undefined, {}, held);
    await setup.lookUp();
    assertEquals(await setup.results(), { [`result=${result}`]: 1 });
  }
});

for (
  const [what, request] of [
    ["a short prompt", generationOf("completions", { prompt: "short" })],
    ["several prompts", generationOf("completions", { prompt: [TEXT, TEXT] })],
    [
      "images",
      generationOf("chat", {
        messages: [{ role: "user", content: [{ type: "image_url", image_url: { url: TEXT } }] }],
      }),
    ],
    ["another endpoint", generationOf("responses", { input: TEXT })],
  ] as const
) {
  Deno.test(`lookUp() looks up no request with ${what}`, async () => {
    await using setup = new Setup();
    assertEquals([await setup.lookUp(request), setup.asked], [undefined, []]);
    assertEquals(await setup.results(), {});
  });
}

Deno.test("lookUp() waits a second at most, and asks nobody for a while after that", async () => {
  await using setup = new Setup((signal) =>
    new Promise((_, reject) => {
      const gone = new RouterError("client-gone", "gone");
      signal.addEventListener("abort", () => reject(gone), { once: true });
    })
  );
  const { clock } = setup.setting;
  const looking = setup.lookUp();
  await settle();
  await clock.advance(1_000);
  assertEquals(await looking, undefined);
  assertEquals(await setup.lookUp(), undefined);
  assertEquals(setup.asked.length, 1);
  await clock.advance(5_000);
  const again = setup.lookUp();
  await settle();
  assertEquals(setup.asked.length, 2);
  await clock.advance(1_000);
  assertEquals(await again, undefined);
  assertEquals(await setup.results(), { "result=no_ids": 2, "result=paused": 1 });
});

Deno.test("lookUp() knows nothing where the engine fails, and pauses", async () => {
  await using setup = new Setup(() => Promise.reject(new RouterError("tokenize-failed", "broken")));
  assertEquals([await setup.lookUp(), await setup.lookUp(), setup.asked.length], [
    undefined,
    undefined,
    1,
  ]);
});

Deno.test("lookUp() does not take a client's leaving for a failure", async () => {
  await using setup = new Setup((signal) =>
    signal.aborted ? Promise.reject(new RouterError("client-gone", "gone")) : Promise.resolve(FOUND)
  );
  assertEquals(await setup.lookUp(undefined, AbortSignal.abort()), undefined);
  assert(await setup.lookUp() !== undefined);
});

Deno.test("lookUp() asks /tokenize where a handoff would leave the ids to the prefill", async () => {
  const tokenized = FOUND.kind === "tokens" ? FOUND : undefined;
  assert(tokenized !== undefined);
  await using setup = new Setup(() => Promise.resolve({ kind: "with-prefill" }), {
    tokenize: () => Promise.resolve(tokenized),
  });
  assertEquals((await setup.lookUp())?.ids.tokens.count, 80);
});

Deno.test("withPrompt() tells policies the exact length, and keeps the ids", async () => {
  await using setup = new Setup();
  const context = contextAt(setup.setting.clock);
  const told = await withPrompt(setup.deps, context, generationOf("completions", { prompt: TEXT }));
  assertEquals([told.prompt?.tokens, told.prompt?.cachedAt("one")], [80, 64]);
  assertEquals(told.earlyIds?.tokens.count, 80);
});

Deno.test("withPrompt() looks up nothing where no policy goes by it", async () => {
  await using setup = new Setup();
  const deps = { ...setup.deps, promptParts: new Set([]) };
  const context = contextAt(setup.setting.clock);
  const told = await withPrompt(deps, context, generationOf("completions", { prompt: TEXT }));
  assertEquals([told.prompt?.cachedAt("one"), setup.asked], [undefined, []]);
});
