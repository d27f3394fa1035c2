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
  event(" two", { finish_reason: "length" }),
  usageEvent(4, 1),
  data("[DONE]"),
];
const SCRIPT: PairScript = { decode: () => sse(REST) };

Deno.test("P1 puts a text prompt before the answer, as the client wrote it", async () => {
  const prompts: readonly (readonly [json: string, text: string])[] = [
    ['"say \\"hi\\" \\u00e9世"', 'say "hi" é世'],
    ['["one\\n"]', "one\n"],
  ];
  for (const [json, text] of prompts) {
    for (const stream of [false, true]) {
      await using pair = await startPair(SCRIPT);
      const asked = `{"model":"m","prompt":${json},"max_tokens":2,"echo":true,"stream":${stream}}`;
      const { choice, usage } = await told(await post(`${pair.router.url}/v1/completions`, asked));
      assertEquals(choice["text"], `${text} one two`);
      if (!stream) assertEquals(Object(usage).completion_tokens, 2);
      assertEquals(pair.decodeLegs()[0]?.["prompt"], [...PROMPT_IDS, 91]);
      for (const { text: body } of [...pair.prefill.asked, ...pair.decode.asked]) {
        assertEquals("echo" in JSON.parse(body), false);
      }
    }
  }
});

Deno.test("P1 sends the prompt in one chunk with the first token", async () => {
  await using pair = await startPair(SCRIPT);
  const asked = { model: "m", prompt: "hi", max_tokens: 2, echo: true, stream: true };
  const text = await (await post(`${pair.router.url}/v1/completions`, asked)).text();
  assertEquals(text.match(/"text":"[^"]*"/g), ['"text":"hi one"', '"text":" two"']);
});

Deno.test("P1 echoes the prompt of an answer that the first token ends", async () => {
  for (const stream of [false, true]) {
    await using pair = await startPair({
      prefill: { finishReason: "stop", text: "" },
      decode: () => Response.json({ choices: [] }),
    });
    const asked = { model: "m", prompt: "hi", max_tokens: 2, echo: true, stream };
    const { choice } = await told(await post(`${pair.router.url}/v1/completions`, asked));
    assertEquals([choice["text"], choice["finish_reason"]], ["hi", "stop"]);
  }
});

Deno.test("P1 leaves echo of ids, with log-probabilities or without an answer to one engine", async () => {
  const others = [{ prompt: [1, 2] }, { logprobs: 1 }, { max_tokens: 0 }];
  for (const more of others) {
    await using pair = await startPair({ decode: () => Response.json({ whole: true }) });
    const asked = { model: "m", prompt: "hi", max_tokens: 2, echo: true, ...more };
    const answer = await post(`${pair.router.url}/v1/completions`, asked);
    assertEquals(await answer.json(), { whole: true });
    assertEquals(pair.decode.asked.map(({ text }) => JSON.parse(text)), [asked]);
    assertEquals(pair.prefill.asked.length, 0);
  }
});
