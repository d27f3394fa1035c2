import { decodeUtf8, encodeUtf8 } from "../../lib/base/mod.ts";
import type { AttemptEnd } from "../../lib/handoff/mod.ts";
import { nixl } from "../../lib/kv/nixl.ts";
import type { Answer } from "../../lib/request/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { settle } from "../support/fake_clock.ts";
import { FakeResponse } from "../support/fake_upstream.ts";
import { type Attempt, attempt, bodyOf, prefilled } from "./relay_support.ts";

const LARGE_BYTES = 256 * 1024;

/** A decode engine's whole answer, that tells how much it found. */
function answerOf(text: string): string {
  return JSON.stringify({
    choices: [{ index: 0, text, finish_reason: "stop" }],
    usage: {
      prompt_tokens: 3,
      completion_tokens: 2,
      total_tokens: 5,
      prompt_tokens_details: { cached_tokens: 2 },
    },
  });
}

/** An attempt whose decode engine answers with `body`, told to have so many bytes. */
async function answered(
  body: string,
  announced: string | undefined,
): Promise<{ readonly made: Attempt; readonly end: AttemptEnd; readonly answer: Answer }> {
  const made = attempt(nixl, { request: { stream: false } });
  const usage = {
    prompt_tokens: 3,
    completion_tokens: 1,
    total_tokens: 4,
    prompt_tokens_details: { cached_tokens: 1 },
  };
  made.prefill().answer(prefilled({ usage }));
  await settle();
  const length = announced === undefined ? [] : [["content-length", announced] as const];
  const headers = [["content-type", "application/json"] as const, ...length];
  made.decode().answer(new FakeResponse(200, headers, [body]));
  const end = await made.end;
  assert(end.kind === "answer");
  return { made, end, answer: end.answer };
}

Deno.test("relayedAnswer() gives a small answer of known length as a whole, with its count corrected", async () => {
  const body = answerOf("Hi");
  const { made, answer } = await answered(body, String(body.length));
  assert(answer.body instanceof Uint8Array);
  assertEquals(
    decodeUtf8(answer.body),
    body.replace('"cached_tokens":2', '"cached_tokens":1'),
  );
  assertEquals(answer.headers, [["content-type", "application/json"]]);
  assertEquals(made.parts.fleet.ends, ["prefill ok", "decode ok"]);
  made.parts.assertQuiet();
});

Deno.test("relayedAnswer() gives others as they come", async () => {
  const large = answerOf("a".repeat(LARGE_BYTES));
  for (
    const [body, announced] of [
      [answerOf("Hi"), undefined],
      [large, String(encodeUtf8(large).length)],
    ] as const
  ) {
    const { made, end, answer } = await answered(body, announced);
    assert(!(answer.body instanceof Uint8Array));
    assertEquals(
      await bodyOf(end),
      body.replace('"cached_tokens":2', '"cached_tokens":1'),
    );
    assertEquals(made.parts.fleet.ends, ["prefill ok", "decode ok"]);
    made.parts.assertQuiet();
  }
});
