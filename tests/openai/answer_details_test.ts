import { decodeUtf8, encodeUtf8 } from "../../lib/base/mod.ts";
import {
  type AnswerEnd,
  type AnswerForm,
  completionEvent,
  rawJsonText,
  StreamWriter,
  type TokenLogprobs,
  WholeWriter,
} from "../../lib/openai/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";

const END: AnswerEnd = { finishReason: "stop", stopReason: null, usage: undefined };
const PROMPT_IDS = encodeUtf8("[1, 2,3]");

function logprobs(token: string, offset: number): TokenLogprobs {
  const value = `-0.${token.length}`;
  const tops = [`{${JSON.stringify(token)}:${value},"5":-1}`];
  return { tokens: [token], logprobs: [value], tops, offsets: [offset] };
}

// deno-lint-ignore no-explicit-any
type Json = any;

function identity(form: AnswerForm): ConstructorParameters<typeof WholeWriter>[0] {
  return { form, id: "i", created: 1, model: "m", topLogprobs: 2 };
}

function chunksOf(writer: StreamWriter): Json[] {
  return decodeUtf8(writer.take() ?? new Uint8Array(0)).split("\n\n")
    .filter((event) => event.startsWith("data: {"))
    .map((event) => {
      const data = event.slice("data: ".length);
      for (const key of ["logprobs", "token_ids", "prompt_token_ids"]) {
        assert(data.split(`"${key}":`).length <= 2, `${key} twice in ${data}`);
      }
      return JSON.parse(data);
    });
}

for (const form of ["completions", "chat"] as const) {
  Deno.test(`StreamWriter tells a ${form} answer's tokens chunk by chunk`, () => {
    const writer = new StreamWriter(identity(form), { includeUsage: false });
    writer.begin(PROMPT_IDS);
    writer.text(rawJsonText("a"), undefined, { tokenIds: [7], logprobs: logprobs("a", 0) });
    const event = completionEvent({
      choices: [{ index: 0, text: "b", logprobs: { tokens: ["b"] }, token_ids: [8], more: 1 }],
    });
    assert(event.kind === "chunk");
    writer.adopt(event.chunk);
    writer.text(rawJsonText(""), undefined, { tokenIds: [8, 9] });
    writer.text(rawJsonText("plain"));
    writer.end(rawJsonText("c"), {
      ...END,
      details: { tokenIds: [], logprobs: logprobs("cc", 6) },
    });
    const chunks = chunksOf(writer);
    const first = chunks[0];
    const told = form === "chat" ? first : first.choices[0];
    assertEquals(told.prompt_token_ids, [1, 2, 3]);
    const rest = form === "chat" ? chunks.slice(1) : chunks;
    const choices = rest.map((chunk) => chunk.choices[0]);
    assertEquals(choices.map((choice) => choice.token_ids ?? null), [[7], [8, 9], null, []]);
    assertEquals(rest.slice(1).map((chunk) => chunk.choices[0].prompt_token_ids ?? null), [
      null,
      null,
      null,
    ]);
    const lists = choices.map((choice) => choice.logprobs);
    assertEquals([lists[1], lists[2]], [null, null]);
    if (form === "chat") {
      assertEquals(lists[0].content[0].token, "a");
      assertEquals(lists[3].content[0].top_logprobs.map((top: Json) => top.token), ["cc", "5"]);
    } else {
      assertEquals([lists[0].text_offset, lists[3].text_offset], [[0], [6]]);
      assertEquals(lists[3].top_logprobs, [{ cc: -0.2, 5: -1 }]);
      assertEquals(choices[1].more, 1);
    }
    assertEquals(choices[3].finish_reason, "stop");
  });

  Deno.test(`WholeWriter tells a ${form} answer's tokens as one list`, () => {
    const writer = new WholeWriter(identity(form), {
      ...(form === "chat" ? { prompt_token_ids: null } : {}),
      kept: 1,
    });
    writer.begin(PROMPT_IDS);
    writer.text(rawJsonText("é"), undefined, { tokenIds: [7], logprobs: logprobs("é", 0) });
    writer.text(rawJsonText("b"), undefined, { tokenIds: [8], logprobs: logprobs("b", 70) });
    writer.end(rawJsonText(""), { ...END, details: { tokenIds: [2] } });
    const text = decodeUtf8(writer.take() ?? new Uint8Array(0));
    const body: Json = JSON.parse(text);
    const [choice] = body.choices;
    assertEquals(text.split('"prompt_token_ids":').length, 2);
    assertEquals((form === "chat" ? body : choice).prompt_token_ids, [1, 2, 3]);
    assertEquals(choice.token_ids, [7, 8, 2]);
    assertEquals(body.kept, 1);
    if (form === "chat") {
      assertEquals(choice.logprobs.content.map((entry: Json) => entry.token), ["é", "b"]);
      assertEquals(choice.message, { role: "assistant", content: "éb" });
    } else {
      assertEquals(choice.logprobs.text_offset, [0, 1]);
      assertEquals(choice.logprobs.token_logprobs, [-0.1, -0.1]);
      assertEquals(choice.text, "éb");
    }
  });
}

Deno.test("Writers say null of log-probabilities nobody asked for", () => {
  const whole = new WholeWriter(identity("completions"));
  whole.begin();
  whole.end(rawJsonText(""), END);
  assertEquals(JSON.parse(decodeUtf8(whole.take() ?? new Uint8Array(0))).choices[0], {
    text: "",
    index: 0,
    logprobs: null,
    finish_reason: "stop",
    stop_reason: null,
  });
});

Deno.test("StreamWriter.comment() passes a comment on between events", () => {
  const writer = new StreamWriter(identity("completions"), { includeUsage: false });
  writer.comment(encodeUtf8(": keep-alive"));
  assertEquals(decodeUtf8(writer.take() ?? new Uint8Array(0)), ": keep-alive\n\n");
});
