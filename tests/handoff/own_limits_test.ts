import {
  concatBytes,
  decodeUtf8,
  encodeUtf8,
  type Engine,
  signalOf,
  silentLogger,
} from "../../lib/base/mod.ts";
import { OwnLimits } from "../../lib/handoff/mod.ts";
import type { ModelCard } from "../../lib/openai/mod.ts";
import type { JsonReply, PostJson, TokenizeEnd } from "../../lib/tokenization/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { FakeClock, settle } from "../support/fake_clock.ts";

const ENGINE: Engine = { id: "d", url: "http://d", role: "decode", models: ["m"], kv: "lmcache" };
const CARD: ModelCard = { id: "m", owned_by: "vllm", permission: [], max_model_len: 100 };
const HEADERS = [["authorization", "Bearer k"], ["x-request-id", "r"]] as const;

function refusal(message: string, status = 400): JsonReply {
  return { status, body: encodeUtf8(JSON.stringify({ error: { message, code: status } })) };
}

const told = (limit: number): JsonReply =>
  refusal(`min_tokens must be less than or equal to max_tokens=${limit}, got 2147483647.`);

interface Fixture {
  readonly clock: FakeClock;
  readonly asked: string[];
  readonly limits: OwnLimits;
}

function fixture(
  reply: (signal: AbortSignal) => JsonReply | Promise<JsonReply>,
  more: { readonly card?: ModelCard | undefined; readonly tokens?: TokenizeEnd } = {},
): Fixture {
  const clock = new FakeClock();
  const asked: string[] = [];
  const post: PostJson = async (engine, { path, body, read, failure }, { headers, signal }) => {
    const names = headers.map(([name]) => name).join();
    asked.push(`${engine.id} ${path} ${decodeUtf8(concatBytes(body))} ${names}`);
    return await read(
      await Promise.resolve(reply(signalOf(signal))).catch((cause) =>
        Promise.reject(failure(cause))
      ),
    );
  };
  const tokens = more.tokens ?? {
    kind: "tokens",
    prompt: { ids: encodeUtf8("[]"), count: 10, maxModelLen: 100 },
  };
  const limits = new OwnLimits({
    clock,
    log: silentLogger(),
    post,
    tokenizer: { tokenize: () => Promise.resolve(tokens) },
    cardOf: () => "card" in more ? more.card : CARD,
    signal: new AbortController().signal,
  });
  return { clock, asked, limits };
}

const ROWS: readonly (readonly [
  name: string,
  form: "chat" | "completions",
  reply: JsonReply,
  limit: number | undefined,
])[] = [
  ["a chat's default", "chat", told(20), 20],
  ["a chat's default just below what is left", "chat", told(89), 89],
  ["what is left of the context alone", "chat", told(90), undefined],
  ["the default of completions", "completions", told(16), 16],
  ["a ceiling of completions", "completions", told(5), 5],
  ["another refusal", "chat", refusal("No chat template"), undefined],
  ["another status", "chat", refusal("max_tokens=7", 500), undefined],
  ["an answer", "completions", { status: 200, body: encodeUtf8("{}") }, undefined],
  ["no JSON", "completions", { status: 400, body: encodeUtf8("<html>") }, undefined],
];

for (const [name, form, reply, limit] of ROWS) {
  Deno.test(`OwnLimits reads ${name}`, async () => {
    const { limits, clock } = fixture(() => reply);
    assertEquals(await limits.of(ENGINE, "m", form, HEADERS), limit);
    assertEquals(clock.pending, 0);
  });
}

Deno.test("OwnLimits asks without a limit, for more than any, in nobody's name but the client's key", async () => {
  const { limits, asked } = fixture(() => told(20));
  await limits.of(ENGINE, "m", "completions", HEADERS);
  await limits.of(ENGINE, "m", "chat", HEADERS);
  assertEquals(asked, [
    'd /v1/completions {"model":"m","prompt":".","min_tokens":2147483647,"stream":false} authorization',
    'd /v1/chat/completions {"model":"m","messages":[{"role":"user","content":"."}],' +
    '"min_tokens":2147483647,"stream":false} authorization',
  ]);
});

Deno.test("OwnLimits asks once in five minutes, also where nothing was told", async () => {
  for (const reply of [told(20), refusal("no")]) {
    const { limits, asked, clock } = fixture(() => reply);
    await Promise.all([1, 2, 3].map(() => limits.of(ENGINE, "m", "chat", HEADERS)));
    await clock.advance(299_999);
    await limits.of(ENGINE, "m", "chat", HEADERS);
    assertEquals(asked.length, 1);
    await clock.advance(1);
    await limits.of(ENGINE, "m", "chat", HEADERS);
    assertEquals(asked.length, 2);
    await limits.of({ ...ENGINE, id: "e" }, "m", "chat", HEADERS);
    assertEquals(asked.length, 3);
  }
});

Deno.test("OwnLimits asks no engine that does not tell of itself as vLLM does", async () => {
  const { permission: _, ...plain } = CARD;
  for (const card of [undefined, plain, { ...CARD, owned_by: "other" }]) {
    const { limits, asked } = fixture(() => told(20), { card });
    assertEquals(await limits.of(ENGINE, "m", "chat", HEADERS), undefined);
    assertEquals(asked, []);
  }
});

Deno.test("OwnLimits knows nothing where the context's length is not told, or asking fails", async () => {
  const refused = fixture(() => told(20), { tokens: { kind: "refused", status: 400 } });
  assertEquals(await refused.limits.of(ENGINE, "m", "chat", HEADERS), undefined);
  const broken = fixture(() => Promise.reject(new Error("broken")));
  assertEquals(await broken.limits.of(ENGINE, "m", "chat", HEADERS), undefined);
});

Deno.test("OwnLimits leaves an engine that begins to answer after two seconds", async () => {
  const { limits, clock } = fixture((signal) =>
    new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)))
  );
  const limit = limits.of(ENGINE, "m", "chat", HEADERS);
  await settle();
  await clock.advance(2_000);
  assertEquals([await limit, clock.pending], [undefined, 0]);
});

Deno.test("OwnLimits asks again in five seconds where an engine has said nothing of it", async () => {
  for (const failure of [refusal("busy", 503), refusal("no key", 401), new Error("broken")]) {
    const replies = [failure, told(20)];
    const { limits, asked, clock } = fixture(() => {
      const reply = replies.shift();
      return reply instanceof Error ? Promise.reject(reply) : reply ?? told(30);
    });
    const ask = (): Promise<number | undefined> => limits.of(ENGINE, "m", "chat", HEADERS);
    assertEquals(await ask(), undefined);
    await clock.advance(4_999);
    assertEquals([await ask(), asked.length], [undefined, 1]);
    await clock.advance(1);
    assertEquals([await ask(), await ask(), asked.length], [20, 20, 2]);
  }
});

Deno.test("OwnLimits takes what one client's key is refused for no one else's", async () => {
  const replies = [refusal("no key", 401), told(20)];
  const { limits } = fixture(() => replies.shift() ?? told(30));
  const [bad, good] = ["bad", "good"].map((key) => [["Authorization", `Bearer ${key}`]] as const);
  assertEquals(await limits.of(ENGINE, "m", "chat", bad ?? []), undefined);
  assertEquals(await limits.of(ENGINE, "m", "chat", good ?? []), 20);
  assertEquals(await limits.of(ENGINE, "m", "chat", bad ?? []), undefined);
});

Deno.test("OwnLimits asks for no rank, whichever a client has picked", async () => {
  const { limits, asked } = fixture(() => told(20));
  await limits.of(ENGINE, "m", "chat", [...HEADERS, ["X-data-parallel-rank", "7"]]);
  assertEquals([asked.length, asked[0]?.endsWith(" authorization")], [1, true]);
});
