import { encodeUtf8 } from "../../lib/base/mod.ts";
import {
  type PrefillResult,
  type PrefillWish,
  readPrefillAnswer,
  resultIn,
  tellsFirstToken,
} from "../../lib/handoff/prefill_answer.ts";
import { assert, assertEquals, assertRejects } from "../support/assert.ts";
import { jsonResponse } from "../support/fake_upstream.ts";
import { prefillAnswer } from "./support.ts";

async function read(
  answer: unknown,
  wish: PrefillWish = { mode: "p1" },
): Promise<PrefillResult | string> {
  return resultIn(wish, await readPrefillAnswer(undefined, jsonResponse(answer)), []);
}

const TOLD = { kv_transfer_params: { first_tok: 91 } };

Deno.test("resultIn() takes the first token from where LMCache says it, then from the ids", async () => {
  const cases = [
    [prefillAnswer(TOLD, { token_ids: [5] }), 91],
    [prefillAnswer({}, { token_ids: [5, 6] }), 5],
    [prefillAnswer({ kv_transfer_params: { first_tok: 0 } }), 0],
  ] as const;
  for (const [answer, token] of cases) {
    const result = await read(answer);
    assert(typeof result !== "string", String(result));
    assertEquals([result.firstToken, tellsFirstToken(result)], [token, true]);
  }
});

const ODD_TOKENS = [-1, 1.5, "9", null, 2 ** 53, undefined];

for (const token of ODD_TOKENS) {
  Deno.test(`resultIn() takes ${JSON.stringify(token)} for no first token`, async () => {
    const answer = prefillAnswer({ kv_transfer_params: { first_tok: token } });
    assertEquals(
      await read(answer),
      "answered without kv_transfer_params.first_tok: does it run LMCache as a PD sender?",
    );
    const relayed = await read(answer, { mode: "d1" });
    assert(typeof relayed !== "string" && !tellsFirstToken(relayed));
  });
}

const PROBLEMS: readonly (readonly [answer: unknown, wish: PrefillWish, problem: string])[] = [
  [{ ...TOLD, choices: [] }, { mode: "p1" }, "answered 200 without a finished choice"],
  [
    prefillAnswer(TOLD, { finish_reason: null }),
    { mode: "p1" },
    "answered 200 without a finished choice",
  ],
  [
    prefillAnswer(TOLD, { finish_reason: "abort" }),
    { mode: "p1" },
    "ended with finish_reason 'abort'",
  ],
  [
    prefillAnswer({}, { finish_reason: "error" }),
    { mode: "d1" },
    "ended with finish_reason 'error'",
  ],
  [
    prefillAnswer(TOLD),
    { mode: "p1", logprobs: true },
    "answered without the log-probabilities it was asked for",
  ],
];

for (const [answer, wish, problem] of PROBLEMS) {
  Deno.test(`resultIn() says in mode ${wish.mode} of ${JSON.stringify(answer).slice(-60)}: ${problem}`, async () => {
    assertEquals(await read(answer, wish), problem);
  });
}

Deno.test("resultIn() takes reasons of engines' own for having generated one token", async () => {
  const reasons = ["stop", "length", "tool_calls", "repetition", "content_filter"];
  const found = await Promise.all(reasons.map(async (reason) => {
    const result = await read(prefillAnswer(TOLD, { finish_reason: reason }));
    return typeof result === "string" ? result : result.finishReason;
  }));
  assertEquals(found, ["stop", "length", "tool_calls", "length", "length"]);
});

const CHATS: readonly (readonly [message: unknown, text: string | undefined])[] = [
  [{ content: "Hi" }, "Hi"],
  [{ content: "" }, ""],
  [{ content: "", reasoning: "Hm" }, undefined],
  [{ content: "", reasoning_content: "Hm" }, undefined],
  [{ content: "", tool_calls: [{}] }, undefined],
  [{ content: "", tool_calls: [], reasoning: null }, ""],
  [{ content: "a", reasoning: "Hm" }, "a"],
  [{ content: null }, undefined],
];

for (const [message, text] of CHATS) {
  Deno.test(`resultIn() reads the text of ${JSON.stringify(message)}`, async () => {
    const result = await read({ ...TOLD, choices: [{ finish_reason: "length", message }] });
    assert(typeof result !== "string", String(result));
    assertEquals(result.text, text);
  });
}

Deno.test("readPrefillAnswer() parts an answer alike, large or small", async () => {
  const ids = Array.from({ length: 60_000 }, (_, id) => id);
  for (const list of [[1, 2], ids]) {
    const answer = prefillAnswer({ ...TOLD, prompt_token_ids: list });
    const parted = await readPrefillAnswer(undefined, jsonResponse(answer));
    assertEquals(parted.promptIds, encodeUtf8(JSON.stringify(list)));
    assertEquals(parted.kvParams, encodeUtf8('{"first_tok":91}'));
    const { prompt_token_ids: _ids, ...body } = parted.body;
    assertEquals(body, prefillAnswer(TOLD));
  }
});

Deno.test("readPrefillAnswer() rejects with a SyntaxError what is no object", async () => {
  for (const answer of ["text", 5, null]) {
    await assertRejects(() => readPrefillAnswer(undefined, jsonResponse(answer)), SyntaxError);
  }
});
