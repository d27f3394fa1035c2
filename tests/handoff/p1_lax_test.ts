import { assertEquals } from "../support/assert.ts";
import { post } from "../support/router.ts";
import { event, PROMPT_IDS, sse, usageEvent, withPair } from "../support/scripted_pair.ts";

const REST = [
  event(" two", {}),
  event(" three", { finish_reason: "length" }),
  usageEvent(4, 2),
  "data: [DONE]\n\n",
];

/** A request whose fields are not of their types, and what engines take them for. */
const ODD =
  '{"model":"m","prompt":"hi","max_tokens":" 3.0 ","min_tokens":true,"n":"1","echo":"no",' +
  '"stream":"off","use_beam_search":"f","temperature":"0.5","seed":7.0}';

Deno.test("P1 takes fields as engines do, and sends numbers of its own", async () => {
  await withPair({ decode: () => sse(REST) }, async ({ router, prefill, decodeLegs }) => {
    const answer = await post(`${router.url}/v1/completions`, ODD);
    assertEquals((await answer.json()).choices[0].text, " one two three");
    const leg = JSON.parse(prefill.asked.at(-1)?.text ?? "");
    assertEquals([leg.max_tokens, leg.min_tokens, leg.stream, leg.temperature, leg.seed], [
      1,
      1,
      false,
      "0.5",
      7,
    ]);
    const [decode] = decodeLegs();
    assertEquals([decode?.["max_tokens"], decode?.["min_tokens"], decode?.["stream"]], [
      2,
      undefined,
      true,
    ]);
  });
});

Deno.test("P1 takes ids that are written as something else, and sends them as ids", async () => {
  await withPair({ decode: () => sse(REST) }, async ({ router, prefill, decodeLegs }) => {
    const asked = '{"model":"m","prompt":[5.0,"6",true],"max_tokens":3}';
    const answer = await post(`${router.url}/v1/completions`, asked);
    assertEquals((await answer.json()).choices[0].text, " one two three");
    assertEquals(JSON.parse(prefill.asked.at(-1)?.text ?? "").prompt, [5, 6, 1]);
    assertEquals(decodeLegs().map(({ prompt }) => prompt), [[5, 6, 1, 91]]);
  });
});

Deno.test("P1 streams where `stream` is written as something else", async () => {
  await withPair({ decode: () => sse(REST) }, async ({ router, decodeLegs }) => {
    const asked = '{"model":"m","messages":[{"role":"user","content":"hi"}],"max_tokens":"3",' +
      '"stream":1,"stream_options":{"include_usage":"yes"},"modalities":["text"]}';
    const answer = await post(`${router.url}/v1/chat/completions`, asked);
    assertEquals(answer.headers.get("content-type")?.startsWith("text/event-stream"), true);
    const text = await answer.text();
    assertEquals([text.includes('"completion_tokens":3'), text.endsWith("[DONE]\n\n")], [
      true,
      true,
    ]);
    const [decode] = decodeLegs();
    assertEquals([decode?.["prompt"], decode?.["modalities"]], [[...PROMPT_IDS, 91], undefined]);
  });
});
