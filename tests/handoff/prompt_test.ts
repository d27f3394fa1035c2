import {
  concatBytes,
  decodeUtf8,
  encodeUtf8,
  type Engine,
  RouterError,
} from "../../lib/base/mod.ts";
import type { DirectReason, TextRequest } from "../../lib/disagg/mod.ts";
import type { PrefillResult } from "../../lib/handoff/prefill.ts";
import {
  KeptPrompt,
  type KnownPrompt,
  type PromptFailure,
  promptFor,
  type ToldPrompt,
} from "../../lib/handoff/prompt.ts";
import { asUsage } from "../../lib/openai/mod.ts";
import type {
  Caller,
  PrefillTold,
  PromptAsk,
  PromptEnd,
  PromptSource,
  TokenizeEnd,
} from "../../lib/tokenization/mod.ts";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "../support/assert.ts";
import { DECODE, handoffParts, PAIR, type Parts, PREFILL, textRequest } from "./support.ts";

/** One question to the source of prompts. */
interface Asked {
  readonly engine: Engine;
  readonly ask: PromptAsk;
  readonly caller: Caller;
}

type Found = PromptEnd | Error;
type Tokenized = TokenizeEnd | Error;

/** A source that answers as a test says, and remembers what it was asked. */
class FakeSource implements PromptSource {
  readonly exact = true;
  readonly found: Asked[] = [];
  readonly tokenized: Asked[] = [];
  readonly notes: string[] = [];
  readonly #finds: Found;
  readonly #tokenizes: Tokenized;

  constructor(finds: Found, tokenizes: Tokenized = TOKENS) {
    this.#finds = finds;
    this.#tokenizes = tokenizes;
  }

  find(engine: Engine, ask: PromptAsk, caller: Caller): Promise<PromptEnd> {
    this.found.push({ engine, ask, caller });
    return this.#finds instanceof Error
      ? Promise.reject(this.#finds)
      : Promise.resolve(this.#finds);
  }

  tokenize(engine: Engine, ask: PromptAsk, caller: Caller): Promise<TokenizeEnd> {
    this.tokenized.push({ engine, ask, caller });
    return this.#tokenizes instanceof Error
      ? Promise.reject(this.#tokenizes)
      : Promise.resolve(this.#tokenizes);
  }

  note(engine: Engine, { ids, text }: PrefillTold): void {
    this.notes.push(`${engine.id} ${ids}${text ? "" : ", parsed"}`);
  }

  forget(): void {}
}

const TOKENS: Extract<TokenizeEnd, { readonly kind: "tokens" }> = {
  kind: "tokens",
  prompt: { ids: encodeUtf8("[1,2,3]"), count: 3, maxModelLen: undefined },
};

interface Fixture {
  readonly parts: Parts;
  readonly source: FakeSource;
  readonly kept: KeptPrompt;
  readonly prompt: Promise<KnownPrompt | ToldPrompt | PromptFailure>;
}

interface Changes {
  readonly request?: TextRequest;
  readonly exact?: boolean;
  readonly kept?: KeptPrompt;
  readonly maxModelLen?: number;
}

function fixture(source: FakeSource, changes: Changes = {}): Fixture {
  const { request = textRequest(), exact = false, kept = new KeptPrompt(), maxModelLen } = changes;
  const parts = handoffParts(maxModelLen === undefined ? {} : { maxModelLen });
  const deps = { ...parts.deps, prompts: source };
  const prompt = promptFor(deps, parts.context, { request, pair: PAIR, kept, exact });
  return { parts, source, kept, prompt };
}

/** A known prompt as text, or the failure itself. */
function shown(prompt: KnownPrompt | ToldPrompt | PromptFailure): unknown {
  if (prompt.kind === "told") return "told";
  return prompt.kind === "known" ? [decodeUtf8(prompt.ids), prompt.maxTokens] : prompt;
}

Deno.test("promptFor() asks nobody for a prompt that is ids already", async () => {
  const request = textRequest({ prompt: [7, 8] });
  const { prompt, source, kept } = fixture(new FakeSource(TOKENS), { request });
  assertEquals(shown(await prompt), ["[7,8]", 5]);
  assertEquals([source.found.length, kept.tokens?.count], [0, 2]);
});

Deno.test("promptFor() asks nobody again for ids that an attempt before has had", async () => {
  const kept = new KeptPrompt();
  kept.tokens = { ids: encodeUtf8("[5]"), count: 1, maxModelLen: undefined };
  const { prompt, source } = fixture(new FakeSource(TOKENS), { kept });
  assertEquals([shown(await prompt), source.found.length], [["[5]", 5], 0]);
});

Deno.test("promptFor() asks the prefill engine, on the client's behalf, and keeps the ids", async () => {
  const { prompt, source, kept, parts } = fixture(new FakeSource(TOKENS));
  assertEquals(shown(await prompt), ["[1,2,3]", 5]);
  assertEquals(kept.tokens?.count, 3);
  const [asked] = source.found;
  assert(asked !== undefined);
  assertEquals([asked.engine, asked.caller.signal], [PREFILL, parts.client.signal]);
  assertEquals(asked.caller.headers, [["x-request-id", "r"]]);
  assertEquals(parts.steps(), [`tokenized ${PREFILL.url}`]);
});

const ASKS: readonly (readonly [
  name: string,
  request: TextRequest,
  flags: Partial<PromptAsk>,
])[] = [
  ["a completion", textRequest({ max_tokens: null }), {}],
  ["a chat with a limit", textRequest({}, "chat"), {}],
  ["a chat without one", textRequest({ max_tokens: null }, "chat"), {}],
  ["a chat of unknown length", textRequest({ max_tokens: null, model: "x" }, "chat"), {
    needsLength: true,
  }],
  ["log-probabilities", textRequest({ logprobs: 1 }), { byIds: true }],
];

for (const [name, request, flags] of ASKS) {
  Deno.test(`promptFor() says what it needs of the ids: ${name}`, async () => {
    const { prompt, source } = fixture(new FakeSource(TOKENS), { request });
    await prompt;
    const { needsLength, byIds, exact, parsed, render, tokenize } = source.found[0]?.ask ?? fixed();
    const chat = request.form === "chat";
    assertEquals({ needsLength, byIds, exact, parsed }, {
      needsLength: false,
      byIds: false,
      exact: false,
      parsed: chat,
      ...flags,
    });
    assertEquals(render.path, chat ? "/v1/chat/completions/render" : "/v1/completions/render");
    const [body, whole] = [tokenize(), render.body()].map((parts) =>
      JSON.parse(decodeUtf8(concatBytes(parts)))
    );
    assertEquals(Object.keys(body), ["model", chat ? "messages" : "prompt"]);
    assertEquals(whole, JSON.parse(decodeUtf8(request.body.bytes)));
  });
}

function fixed(): never {
  throw new Error("Nothing was asked");
}

Deno.test("promptFor() reckons the limit of the answer from the length of the prompt", async () => {
  const open = { request: textRequest({ max_tokens: null }, "chat") };
  const told: PromptEnd = { ...TOKENS, prompt: { ...TOKENS.prompt, maxModelLen: 50 } };
  const rows: readonly (readonly [PromptEnd, Changes, unknown])[] = [
    [TOKENS, { ...open, maxModelLen: 100 }, ["[1,2,3]", 97]],
    [told, { ...open, maxModelLen: 100 }, ["[1,2,3]", 47]],
    [TOKENS, { request: textRequest({ max_tokens: null }) }, ["[1,2,3]", 16]],
    [TOKENS, { maxModelLen: 8 }, ["[1,2,3]", 5]],
    [TOKENS, { maxModelLen: 7 }, { kind: "direct", reason: "context_length" }],
    [TOKENS, { ...open, maxModelLen: 3 }, { kind: "direct", reason: "context_length" }],
  ];
  for (const [end, changes, expected] of rows) {
    assertEquals(shown(await fixture(new FakeSource(end), changes).prompt), expected);
  }
});

const ENDS: readonly (readonly [PromptEnd, unknown, readonly string[]])[] = [
  [{ kind: "with-prefill" }, "told", []],
  [{ kind: "unavailable" }, { kind: "direct", reason: "prompt_unknown" }, []],
  [{ kind: "refused", status: 400 }, { kind: "direct", reason: "tokenize_refused" }, [
    `tokenized ${PREFILL.url}`,
  ]],
];

for (const [end, expected, steps] of ENDS) {
  Deno.test(`promptFor() goes on from ids that are ${end.kind}`, async () => {
    const { prompt, parts, source } = fixture(new FakeSource(end), { exact: true });
    assertEquals(shown(await prompt), expected);
    assertEquals([parts.steps(), source.found[0]?.ask.exact], [steps, true]);
  });
}

Deno.test("promptFor() goes around an engine that fails at it", async () => {
  const error = new RouterError("tokenize-failed", "no");
  const { prompt } = fixture(new FakeSource(error));
  const exclude = [{ id: "p", why: "failed" }] as const;
  assertEquals(await prompt, { kind: "retry", reason: "tokenize_failed", error, exclude });
});

Deno.test("promptFor() tells that an engine was too slow for what it is", async () => {
  const cause = new RouterError("upstream-timeout", "no response head for 10 ms");
  const error = new RouterError("tokenize-failed", "Cannot tokenize", { cause });
  const end = await fixture(new FakeSource(error)).prompt;
  assert(end.kind === "retry");
  assertEquals([end.reason, end.error.code, end.error.cause], [
    "tokenize_failed",
    "upstream-timeout",
    cause,
  ]);
});

Deno.test("promptFor() throws where the client has gone, and where nothing like it is expected", async () => {
  for (const error of [new RouterError("client-gone", "gone"), new TypeError("odd")]) {
    await assertRejects(() => fixture(new FakeSource(error)).prompt, Error, error.message);
  }
});

/** A prompt whose ids the prefill tells; `/tokenize` says `tokenizes`. */
async function toldPrompt(
  tokenizes: Tokenized = TOKENS,
  changes: Changes = {},
): Promise<Fixture & { readonly told: ToldPrompt }> {
  const made = fixture(new FakeSource({ kind: "with-prefill" }, tokenizes), changes);
  const told = await made.prompt;
  assert(told.kind === "told");
  return { ...made, told };
}

function resultOf(ids: string | undefined, promptTokens?: number): PrefillResult {
  return {
    firstToken: 9,
    text: " one",
    promptIds: ids === undefined ? undefined : encodeUtf8(ids),
    logprobs: undefined,
    finishReason: "length",
    stopReason: null,
    usage: promptTokens === undefined ? undefined : asUsage({
      prompt_tokens: promptTokens,
      completion_tokens: 1,
      total_tokens: promptTokens + 1,
    }),
    body: {},
    kvParams: undefined,
    headers: [],
  };
}

Deno.test("ToldPrompt.settle() takes the ids that the prefill told", async () => {
  const { told, kept, source, parts } = await toldPrompt();
  assertEquals(shown(await told.settle(resultOf("[4, 5]"))), ["[4, 5]", 5]);
  assertEquals([kept.tokens?.count, source.notes, source.tokenized.length], [2, ["p true"], 0]);
  assertEquals(parts.steps(), []);
});

Deno.test("ToldPrompt.settle() notes where a parser has taken the first token's text", async () => {
  const { told, source } = await toldPrompt();
  await told.settle({ ...resultOf("[4, 5]"), text: undefined });
  assertEquals(source.notes, ["p true, parsed"]);
});

Deno.test("ToldPrompt.settle() leaves a prompt that is too long to one engine", async () => {
  const { told } = await toldPrompt(TOKENS, { maxModelLen: 6 });
  assertEquals(await told.settle(resultOf("[4,5]")), { kind: "direct", reason: "context_length" });
});

for (const ids of [undefined, "[4,x]", "[4", "[04]"]) {
  Deno.test(`ToldPrompt.settle() asks /tokenize where the prefill told ${ids}`, async () => {
    for (const counted of [undefined, 3]) {
      const { told, kept, source, parts } = await toldPrompt();
      assertEquals(shown(await told.settle(resultOf(ids, counted))), ["[1,2,3]", 5]);
      assertEquals([kept.tokens?.count, source.notes], [3, ["p false"]]);
      const [asked] = source.tokenized;
      assertEquals([asked?.engine, asked?.caller.signal], [PREFILL, parts.client.signal]);
      assertEquals(parts.steps(), [`tokenized ${PREFILL.url}`]);
    }
  });
}

const UNSETTLED: readonly (readonly [
  name: string,
  tokenizes: Tokenized,
  changes: Changes,
  counted: number | undefined,
  reason: DirectReason,
])[] = [
  ["only exact ids will do", TOKENS, { exact: true }, undefined, "prompt_unknown"],
  ["the prefill has counted otherwise", TOKENS, {}, 4, "prompt_unknown"],
  ["/tokenize refuses", { kind: "refused", status: 400 }, {}, undefined, "tokenize_refused"],
  ["/tokenize finds it too long", TOKENS, { maxModelLen: 7 }, undefined, "context_length"],
];

for (const [name, tokenizes, changes, counted, reason] of UNSETTLED) {
  Deno.test(`ToldPrompt.settle() leaves the request to one engine where ${name}`, async () => {
    const { told, source } = await toldPrompt(tokenizes, changes);
    assertEquals(await told.settle(resultOf(undefined, counted)), { kind: "direct", reason });
    assertEquals(source.tokenized.length, changes.exact === true ? 0 : 1);
  });
}

Deno.test("ToldPrompt.settle() goes around an engine whose /tokenize fails", async () => {
  const error = new RouterError("tokenize-failed", "no");
  const { told, kept } = await toldPrompt(error);
  const end = await told.settle(resultOf(undefined));
  assertEquals([end.kind, end.kind === "retry" && end.exclude], ["retry", [
    { id: "p", why: "failed" },
  ]]);
  assertEquals(kept.tokens, undefined);
  const gone = await toldPrompt(new RouterError("client-gone", "gone"));
  await assertRejects(() => gone.told.settle(resultOf(undefined)), RouterError, "gone");
});

Deno.test("ToldPrompt.idsToReclaim() takes what is known already", async () => {
  const { told, kept, source } = await toldPrompt();
  assertEquals(decodeUtf8(await told.idsToReclaim(resultOf("[4]"))), "[4]");
  kept.tokens = { ids: encodeUtf8("[8]"), count: 1, maxModelLen: undefined };
  assertEquals(decodeUtf8(await told.idsToReclaim(undefined)), "[8]");
  assertEquals(source.tokenized.length, 0);
});

Deno.test("ToldPrompt.idsToReclaim() asks the engine that has the KV, whether the client stays or not", async () => {
  for (const result of [undefined, resultOf(undefined), resultOf("[x]")]) {
    const { told, source, parts } = await toldPrompt();
    parts.client.controller.abort();
    assertEquals(decodeUtf8(await told.idsToReclaim(result)), "[1,2,3]");
    const [asked] = source.tokenized;
    assertEquals([asked?.engine, asked?.caller.headers], [DECODE, [["x-request-id", "r"]]]);
    assertEquals(asked?.caller.signal, parts.deps.background.signal);
  }
});

Deno.test("ToldPrompt.idsToReclaim() rejects where nobody can tell the ids", async () => {
  const rows: readonly (readonly [Tokenized, Changes, string])[] = [
    [TOKENS, { exact: true }, "Cannot tell the token ids"],
    [{ kind: "refused", status: 400 }, {}, "Cannot tell the token ids"],
    [new RouterError("tokenize-failed", "no engine"), {}, "no engine"],
  ];
  for (const [tokenizes, changes, message] of rows) {
    const { told } = await toldPrompt(tokenizes, changes);
    const error = await assertRejects(() => told.idsToReclaim(undefined), RouterError);
    assertEquals(error.code, "tokenize-failed");
    assertStringIncludes(error.message, message);
  }
});
