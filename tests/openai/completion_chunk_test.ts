import { decodeUtf8 } from "../../lib/base/mod.ts";
import { CompletionChunkReader, completionEvent } from "../../lib/openai/mod.ts";
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";
import { chunkIn, eventOf, type Said, textIn, USAGE } from "./chunks.ts";
import { bytesOf } from "./support.ts";

Deno.test("CompletionChunkReader hands text on unparsed once it knows the stream's form", () => {
  const reader = new CompletionChunkReader();
  const [first, second, third] = [" a", '"text":"\\', ""].map((one) =>
    reader.read(eventOf({ text: one }))
  );
  assert(first !== undefined && second !== undefined && third !== undefined);
  assertEquals(first.kind, "chunk");
  assertEquals(second.kind, "text");
  assertEquals(textIn(second), '"text":"\\');
  assertEquals(third.kind, "text");
  assertEquals(textIn(third), "");
});

const SPACINGS: readonly (readonly [colon: string, second: string])[] = [
  [":", "text"],
  [": ", "text"],
  // Never seen of an engine, and read correctly all the same.
  [" : ", "chunk"],
  [":  ", "chunk"],
];

for (const [colon, kind] of SPACINGS) {
  Deno.test(`CompletionChunkReader reads members written with "${colon}"`, () => {
    const reader = new CompletionChunkReader();
    const style = { textFirst: true, choicesFirst: false, colon, comma: ", ", ascii: true };
    reader.read(eventOf({ text: "a" }, style));
    const event = reader.read(eventOf({ text: 'b"' }, style));
    assertEquals([event.kind, textIn(event)], [kind, 'b"']);
  });
}

Deno.test("CompletionChunkReader gives the raw text as a view, escapes as they stand", () => {
  const reader = new CompletionChunkReader();
  const at = (inside: string): Uint8Array =>
    bytesOf(`{"choices":[{"index":0,"text":"${inside}"}]}`);
  reader.read(at("a"));
  const data = at('\\u0041\\/\\"😀\\ud83d\\ude00');
  const event = reader.read(data);
  assert(event.kind === "text" && event.rawText.buffer === data.buffer);
  assertEquals(decodeUtf8(event.rawText), '\\u0041\\/\\"😀\\ud83d\\ude00');
});

Deno.test("CompletionChunkReader keeps nothing of a buffer that is filled again", () => {
  const reader = new CompletionChunkReader();
  const first = eventOf({ text: "a" });
  const chunk = chunkIn(reader.read(first));
  first.fill(0x78);
  assertEquals(chunk.text, "a");
  assertEquals(reader.read(eventOf({ text: "b" })).kind, "text");
});

Deno.test("CompletionChunkReader parses every event with parseAll, until text is allowed", () => {
  const reader = new CompletionChunkReader({ parseAll: true });
  const kinds = (): string[] =>
    ["a", "b", "c"].map((one) => reader.read(eventOf({ text: one })).kind);
  assertEquals(kinds(), ["chunk", "chunk", "chunk"]);
  reader.allowText();
  assertEquals(kinds(), ["chunk", "text", "text"]);
});

const CHANGES: readonly (readonly [name: string, said: Partial<Said>])[] = [
  ["a finish reason", { finish: "stop" }],
  ["a stop reason", { stop: 7 }],
  ["log probabilities", { logprobs: { tokens: ["b"], text_offset: [0] } }],
  ["usage", { usage: USAGE }],
  ["token ids", { tokenIds: [5] }],
  ["prompt token ids", { promptIds: [5] }],
  ["another model", { model: "n" }],
  ["a field that was not there", { extra: 1 }],
];

for (const [name, change] of CHANGES) {
  Deno.test(`CompletionChunkReader parses an event with ${name}, and the next without again`, () => {
    const reader = new CompletionChunkReader();
    reader.read(eventOf({ text: "a" }));
    assertEquals(reader.read(eventOf({ text: "a" })).kind, "text");
    const changed = chunkIn(reader.read(eventOf({ text: "b", ...change })));
    assertEquals(
      changed,
      chunkIn(completionEvent(JSON.parse(
        decodeUtf8(eventOf({ text: "b", ...change })),
      ))),
    );
    assertEquals(textIn(reader.read(eventOf({ text: "c" }))), "c");
  });
}

/** Streams whose other fields look like the text; each pair differs in what is named. */
const LOOKALIKES: readonly (readonly [name: string, first: string, second: string])[] = [
  [
    "an envelope field named text",
    '{"text":"","choices":[{"index":0,"text":""}]}',
    '{"text":"no","choices":[{"index":0,"text":""}]}',
  ],
  [
    "an equal envelope field named text",
    '{"text":"a","choices":[{"index":0,"text":"a"}]}',
    '{"text":"b","choices":[{"index":0,"text":"a"}]}',
  ],
  [
    "a key that ends like text",
    '{"choices":[{"index":0,"\\"text":"","text":""}]}',
    '{"choices":[{"index":0,"\\"text":"no","text":""}]}',
  ],
  [
    "a repeated key, of which the last counts",
    '{"choices":[{"index":0,"text":"","text":""}]}',
    '{"choices":[{"index":0,"text":"no","text":""}]}',
  ],
  [
    "text in another choice field",
    '{"choices":[{"index":0,"meta":{"text":""},"text":""}]}',
    '{"choices":[{"index":0,"meta":{"text":"no"},"text":""}]}',
  ],
  [
    "a model name like a choice",
    '{"model":"\\"choices\\":[{\\"text\\":\\"","choices":[{"index":0,"text":"a"}]}',
    '{"model":"\\"choices\\":[{\\"text\\":\\"x","choices":[{"index":0,"text":"a"}]}',
  ],
];

for (const [name, first, second] of LOOKALIKES) {
  Deno.test(`CompletionChunkReader is not misled by ${name}`, () => {
    const reader = new CompletionChunkReader();
    const expected = chunkIn(completionEvent(JSON.parse(second)));
    reader.read(bytesOf(first));
    assertEquals(reader.read(bytesOf(second)), { kind: "chunk", chunk: expected });
  });
}

Deno.test("CompletionChunkReader does not take a cut event for text", () => {
  for (const learnt of ["a", ""]) {
    const reader = new CompletionChunkReader();
    reader.read(eventOf({ text: "a" }));
    const whole = eventOf({ text: learnt });
    for (let length = 0; length < whole.length; length++) {
      const event = reader.read(whole.slice(0, length));
      assertEquals(event.kind, "malformed", `${length} bytes`);
    }
    assertEquals(reader.read(whole).kind, "text");
  }
});

Deno.test("CompletionChunkReader does not match where the text's end is not the string's", () => {
  const reader = new CompletionChunkReader();
  const at = (inside: string): Uint8Array => bytesOf(`{"choices":[{"text":"${inside}"}]}`);
  reader.read(at("a"));
  assertEquals(reader.read(at('b","index":"0')).kind, "chunk");
  assertEquals(reader.read(at("b\\")).kind, "malformed");
  assertEquals(reader.read(at('b"')).kind, "malformed");
});

Deno.test("CompletionChunkReader knows the end of a stream", () => {
  const reader = new CompletionChunkReader();
  assertEquals(reader.read(bytesOf("[DONE]")), { kind: "done" });
  reader.read(eventOf({ text: "a" }));
  assertEquals(reader.read(bytesOf("[DONE]")), { kind: "done" });
  for (const other of ["[DONE", "[DONE] ", "DONE", '"[DONE]"']) {
    assertEquals(reader.read(bytesOf(other)).kind, "malformed", other);
  }
});

const MALFORMED: readonly (readonly [data: string, problem: string])[] = [
  ["", "invalid JSON in an event"],
  ["{", "invalid JSON in an event"],
  ["\u0000", "invalid JSON in an event"],
  ["null", "an event is no object"],
  ['"text"', "an event is no object"],
  ["7", "an event is no object"],
  ["[]", "an event has no choices"],
  ["{}", "an event has no choices"],
  ['{"choices":{}}', "an event has no choices"],
  ['{"choices":[{"text":"a"},{"text":"b"}]}', "an event has several choices"],
  ['{"choices":[null]}', "a choice is no object"],
  ['{"choices":["a"]}', "a choice is no object"],
];

for (const [data, problem] of MALFORMED) {
  Deno.test(`CompletionChunkReader calls ${JSON.stringify(data)} malformed and reads on`, () => {
    const reader = new CompletionChunkReader();
    const event = reader.read(bytesOf(data));
    assert(event.kind === "malformed", event.kind);
    assertStringIncludes(event.problem, problem);
    assertEquals(textIn(reader.read(eventOf({ text: "a" }))), "a");
  });
}

Deno.test("CompletionChunkReader does not throw on bytes that are no UTF-8, nor on deep nesting", () => {
  const reader = new CompletionChunkReader();
  assertEquals(reader.read(Uint8Array.of(0x7b, 0xff, 0x7d)).kind, "malformed");
  const deep = "[".repeat(100_000) + "]".repeat(100_000);
  const event = reader.read(bytesOf(`{"x":${deep},"choices":[{"index":0,"text":"a"}]}`));
  assertEquals(textIn(event), "a");
});

Deno.test("CompletionChunkReader finds errors in a stream", () => {
  const error = { message: "no KV", type: "InternalServerError", param: null, code: 500 };
  const reader = new CompletionChunkReader();
  reader.read(eventOf({ text: "a" }));
  assertEquals(reader.read(bytesOf(JSON.stringify({ error }))), { kind: "error", error });
  const beside = JSON.stringify({ error: "boom", choices: [{ index: 0, text: "a" }] });
  assertEquals(reader.read(bytesOf(beside)), { kind: "error", error: "boom" });
  assertEquals(reader.read(bytesOf('{"error":null,"choices":[]}')).kind, "chunk");
});

Deno.test("completionEvent() keeps every field, known or not", () => {
  const chunk = chunkIn(completionEvent({
    id: "cmpl-1",
    fingerprint: "f",
    choices: [{
      index: 0,
      text: "a",
      finish_reason: "stop",
      stop_reason: 7,
      token_ids: [1, "x", 2],
    }],
    usage: { ...USAGE, other: 1 },
  }));
  assertEquals(chunk, {
    envelope: { id: "cmpl-1", fingerprint: "f" },
    choice: { index: 0, finish_reason: "stop", stop_reason: 7, token_ids: [1, "x", 2] },
    text: "a",
    finishReason: "stop",
    tokenIds: [1, 2],
    usage: { ...USAGE, other: 1 },
  });
});

Deno.test("completionEvent() reads the usage chunk, and fields that vLLM leaves out", () => {
  assertEquals(completionEvent({ id: "i", choices: [], usage: USAGE }), {
    kind: "chunk",
    chunk: {
      envelope: { id: "i" },
      choice: undefined,
      text: "",
      finishReason: undefined,
      tokenIds: [],
      usage: USAGE,
    },
  });
  const bare = chunkIn(completionEvent({ choices: [{ text: 7 }] }));
  assertEquals([bare.text, bare.finishReason, bare.tokenIds, bare.usage], [
    "",
    undefined,
    [],
    undefined,
  ]);
});
