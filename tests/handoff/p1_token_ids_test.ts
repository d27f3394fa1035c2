import { assertEquals } from "../support/assert.ts";
import { post } from "../support/router.ts";
import {
  data,
  event,
  type PairScript,
  PROMPT_IDS,
  sse,
  startPair,
  usageEvent,
} from "../support/scripted_pair.ts";
import { told } from "../support/told.ts";

const REST = [
  event(" two", { token_ids: [92, 93], prompt_token_ids: [...PROMPT_IDS, 91] }),
  event(" three", { token_ids: [94], finish_reason: "stop", stop_reason: 94 }),
  usageEvent(4, 3),
  data("[DONE]"),
];
const ASKED = { model: "m", max_tokens: 9, return_token_ids: true };
const COMPLETION = { ...ASKED, prompt: "hi" };
const CHAT = { ...ASKED, messages: [{ role: "user", content: "hi" }] };

/** What each event says of ids: of the prompt, and of the answer. */
function idsIn(text: string): unknown[] {
  return text.split("\n\n").filter((part) => part.startsWith("data: {")).map((part) => {
    const chunk = JSON.parse(part.slice("data: ".length));
    const [choice] = chunk.choices;
    return [chunk.prompt_token_ids ?? choice?.prompt_token_ids ?? null, choice?.token_ids ?? null];
  });
}

for (
  const [path, asked] of [["/v1/completions", COMPLETION], ["/v1/chat/completions", CHAT]] as const
) {
  Deno.test(`P1 tells the ids of a whole answer, ${path}`, async () => {
    await using pair = await startPair({ decode: () => sse(REST) });
    const answer = await told(await post(pair.router.url + path, asked));
    const { choice, promptIds } = answer;
    assertEquals(choice["token_ids"], [91, 92, 93, 94]);
    const own = path === "/v1/completions" ? choice["prompt_token_ids"] : promptIds;
    assertEquals(own, PROMPT_IDS);
    assertEquals([choice["finish_reason"], choice["stop_reason"]], ["stop", 94]);
    assertEquals(pair.decodeLegs()[0]?.["return_token_ids"], true);
  });

  Deno.test(`P1 tells the ids of a streamed answer, the prompt's once, ${path}`, async () => {
    await using pair = await startPair({ decode: () => sse(REST) });
    const answer = await post(pair.router.url + path, { ...asked, stream: true });
    const chat = path === "/v1/chat/completions";
    assertEquals(idsIn(await answer.text()), [
      ...(chat ? [[PROMPT_IDS, null]] : []),
      [chat ? null : PROMPT_IDS, [91]],
      [null, [92, 93]],
      [null, [94]],
    ]);
  });

  Deno.test(`P1 tells the ids of an answer that the first token ends, ${path}`, async () => {
    const script: PairScript = {
      prefill: { finishReason: "stop", text: "", token: 2 },
      decode: () => Response.json({ choices: [] }),
    };
    for (const stream of [false, true]) {
      await using pair = await startPair(script);
      const answer = await told(await post(pair.router.url + path, { ...asked, stream }));
      assertEquals(answer.choice["token_ids"], [2]);
      assertEquals(answer.promptIds ?? answer.choice["prompt_token_ids"], PROMPT_IDS);
    }
  });
}

Deno.test("P1 gives the prompt's ids as the client wrote them", async () => {
  await using pair = await startPair({ decode: () => sse(REST) });
  const asked = '{"model":"m","prompt":[ 5,\n 6 ],"max_tokens":9,"return_token_ids":true}';
  const text = await (await post(`${pair.router.url}/v1/completions`, asked)).text();
  assertEquals(text.includes('"prompt_token_ids":[ 5,\n 6 ]'), true);
});

Deno.test("P1 tells the id of a first token that is part of a character, before its text", async () => {
  const bytes = [...new TextEncoder().encode("é")].map((byte) => 1000 + byte);
  const textOf = (ids: readonly number[]): string =>
    new TextDecoder().decode(
      Uint8Array.from(ids.filter((id) => id >= 1000).map((id) => id - 1000)),
    );
  const script: PairScript = {
    textOf,
    prefill: { text: "", token: bytes[0] ?? 0 },
    decode: () =>
      sse([
        event("", { token_ids: [bytes[1]] }),
        event("!", { token_ids: [94], finish_reason: "length" }),
        usageEvent(4, 2),
        data("[DONE]"),
      ]),
  };
  await using pair = await startPair(script);
  const answer = await post(`${pair.router.url}/v1/completions`, { ...COMPLETION, stream: true });
  const text = await answer.text();
  assertEquals(idsIn(text).map((ids) => Object(ids)[1]), [[bytes[0]], [bytes[1]], [94]]);
  assertEquals(text.match(/"text":"[^"]*"/g), ['"text":""', '"text":"é"', '"text":"!"']);
});
