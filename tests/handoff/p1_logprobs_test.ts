import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";
import { randomCuts } from "../support/cuts.ts";
import { seededRandom } from "../../lib/base/mod.ts";
import { post } from "../support/router.ts";
import {
  data,
  event,
  type PairScript,
  sse,
  startPair,
  usageEvent,
} from "../support/scripted_pair.ts";
import { type Told, told } from "../support/told.ts";

/** The completions form of tokens, their values and alternatives written as given. */
function logprobs(
  offset: number,
  ...tokens: readonly (readonly [token: string, value: number, others: object])[]
): Record<string, unknown> {
  let at = offset;
  return {
    tokens: tokens.map(([token]) => token),
    token_logprobs: tokens.map(([, value]) => value),
    top_logprobs: tokens.map(([token, value, others]) => ({ [token]: value, ...others })),
    text_offset: tokens.map(([token]) => (at += token.length) - token.length),
  };
}

const FIRST = logprobs(0, [" one", -0.5, { " won": -1.5 }]);

function prefillAnswer(more: Record<string, unknown> = { logprobs: FIRST }): Response {
  return Response.json({
    id: "cmpl-p",
    object: "text_completion",
    created: 4,
    model: "m",
    choices: [{ index: 0, text: " one", finish_reason: "length", stop_reason: null, ...more }],
    usage: { prompt_tokens: 3, completion_tokens: 1, total_tokens: 4 },
    kv_transfer_params: { first_tok: 91 },
  });
}

const REST = [
  event(" tw", { logprobs: logprobs(0, [" tw", -0.25, { " 2": -3 }]) }),
  event("o 7", {
    logprobs: logprobs(3, ["o", -0.125, {}], [" 7", -2, { "7": -2.5, "10": -2.25, x: -9999 }]),
    finish_reason: "length",
  }),
  usageEvent(4, 3),
  data("[DONE]"),
];

const SCRIPT: PairScript = { prefill: { respond: () => prefillAnswer() }, decode: () => sse(REST) };

async function ask(
  script: PairScript,
  path: string,
  body: Record<string, unknown>,
  check: (answer: Told, legs: readonly Record<string, unknown>[]) => void,
): Promise<void> {
  await using pair = await startPair(script);
  const answer = await told(await post(pair.router.url + path, body));
  const prefill = JSON.parse(pair.prefill.asked.at(-1)?.text ?? "{}");
  check(answer, [prefill, ...pair.decodeLegs()]);
}

const COMPLETION = { model: "m", prompt: "hi", max_tokens: 4, logprobs: 1 };
const CHAT = {
  model: "m",
  messages: [{ role: "user", content: "hi" }],
  max_tokens: 4,
  logprobs: true,
  top_logprobs: 2,
};

for (const stream of [false, true]) {
  const how = stream ? "streamed" : "whole";
  Deno.test(`P1 puts the first token's log-probabilities in front, completions, ${how}`, async () => {
    await ask(SCRIPT, "/v1/completions", { ...COMPLETION, stream }, ({ choice }, legs) => {
      assertEquals(choice["logprobs"], {
        tokens: [" one", " tw", "o", " 7"],
        token_logprobs: [-0.5, -0.25, -0.125, -2],
        top_logprobs: [
          { " one": -0.5, " won": -1.5 },
          { " tw": -0.25, " 2": -3 },
          { o: -0.125 },
          { " 7": -2, 7: -2.5, 10: -2.25, x: -9999 },
        ],
        text_offset: [0, 4, 7, 8],
      });
      assertEquals(choice["text"], " one two 7");
      assertEquals(legs.map((leg) => leg["logprobs"]), [1, 1]);
    });
  });

  Deno.test(`P1 gives log-probabilities the chat form, in the engine's order, ${how}`, async () => {
    await ask(SCRIPT, "/v1/chat/completions", { ...CHAT, stream }, ({ choice }, legs) => {
      const entry = (token: string, logprob: number): object => ({
        token,
        logprob,
        bytes: [...new TextEncoder().encode(token)],
      });
      assertEquals(choice["logprobs"], {
        content: [
          {
            ...entry(" one", -0.5),
            top_logprobs: [entry(" one", -0.5), entry(" won", -1.5)],
          },
          { ...entry(" tw", -0.25), top_logprobs: [entry(" tw", -0.25), entry(" 2", -3)] },
          { ...entry("o", -0.125), top_logprobs: [entry("o", -0.125)] },
          // JSON.stringify() of the script puts keys that are numbers first.
          { ...entry(" 7", -2), top_logprobs: [entry("7", -2.5), entry("10", -2.25)] },
        ],
      });
      assertEquals(legs.map((leg) => [leg["logprobs"], leg["top_logprobs"]]), [
        [2, undefined],
        [2, undefined],
      ]);
    });
  });
}

Deno.test("P1 reads log-probabilities whatever the cuts of the stream", async () => {
  for (let seed = 1; seed <= 10; seed++) {
    const bytes = new TextEncoder().encode(REST.join(""));
    const cuts = randomCuts(bytes, seededRandom(seed));
    const decode = (): Response =>
      new Response(ReadableStream.from(cuts), { headers: { "content-type": "text/event-stream" } });
    const script = { ...SCRIPT, decode };
    await ask(script, "/v1/completions", { ...COMPLETION, stream: true }, ({ choice }) => {
      assertEquals(Object(choice["logprobs"]).tokens, [" one", " tw", "o", " 7"]);
      assertEquals(Object(choice["logprobs"]).text_offset, [0, 4, 7, 8]);
    });
  }
});

Deno.test("P1 tells the log-probabilities of an answer of one token", async () => {
  for (const stream of [false, true]) {
    const asked = { ...CHAT, top_logprobs: 0, max_tokens: 1, stream };
    const decode = (): Response => Response.json({ choices: [] });
    await ask({ ...SCRIPT, decode }, "/v1/chat/completions", asked, ({ choice }) => {
      const { content } = Object(choice["logprobs"]);
      assertEquals(content.length, 1);
      assertEquals([content[0].token, content[0].top_logprobs], [" one", []]);
    });
  }
});

Deno.test("P1 answers 502 when a prefill engine leaves out log-probabilities", async () => {
  const script: PairScript = {
    prefill: { respond: () => prefillAnswer({ logprobs: null }) },
    decode: () => Response.json({ choices: [] }),
  };
  await ask(script, "/v1/completions", COMPLETION, ({ status, choice }) => {
    assertEquals(status, 502);
    assertStringIncludes(Object(choice["error"]).message, "log-probabilities");
  });
});

Deno.test("P1 leaves odd values of logprobs to an engine", async () => {
  const odd = [{ ...CHAT, top_logprobs: -1 }, { ...CHAT, logprobs: false, top_logprobs: 2 }];
  for (const asked of odd) {
    const script: PairScript = { decode: () => Response.json({ choices: [{ text: "direct" }] }) };
    await ask(script, "/v1/chat/completions", asked, ({ choice }, legs) => {
      assertEquals(choice["text"], "direct");
      assert(legs.some((leg) => "top_logprobs" in leg), "the client's own request");
    });
  }
});
