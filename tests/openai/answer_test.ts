import { decodeUtf8 } from "../../lib/base/mod.ts";
import {
  type AnswerEnd,
  type AnswerForm,
  type AnswerIdentity,
  type CompletionChunk,
  completionEvent,
  rawJsonText,
  StreamWriter,
  type Usage,
  WholeWriter,
} from "../../lib/openai/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { bytesOf, recordOf } from "./support.ts";

const FORMS = ["completions", "chat"] as const satisfies readonly AnswerForm[];
const USAGE: Usage = { prompt_tokens: 5, completion_tokens: 3, total_tokens: 8 };
const END: AnswerEnd = { finishReason: "stop", stopReason: null, usage: USAGE };

/** Names that would end a string, an object or an event, were they not escaped. */
const HOSTILE = [
  '"',
  '","choices":[{"text":"',
  '"choices":[',
  "\\",
  "}\n\ndata: [DONE]\n\n",
  "\r\n\u0000\u2028",
  "é世😀\ud800",
];

function identity(form: AnswerForm, change: Partial<AnswerIdentity> = {}): AnswerIdentity {
  return { form, id: "id-1", created: 17, model: "m", ...change };
}

/** The data of each event. Knows of the format what a client needs to, and nothing of the writer. */
function eventsIn(bytes: Uint8Array | undefined): string[] {
  const text = decodeUtf8(bytes ?? new Uint8Array(0));
  if (text === "") return [];
  assert(text.endsWith("\n\n"), "the last event has no end");
  return text.slice(0, -2).split("\n\n").map((event) => {
    assert(event.startsWith("data: ") && !event.includes("\n"), event);
    return event.slice("data: ".length);
  });
}

function chunksIn(bytes: Uint8Array | undefined): Readonly<Record<string, unknown>>[] {
  return eventsIn(bytes).filter((data) => data !== "[DONE]").map((data) =>
    recordOf(JSON.parse(data))
  );
}

function onlyChoice(chunk: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const { choices } = chunk;
  assert(Array.isArray(choices) && choices.length === 1);
  return recordOf(choices[0]);
}

/** The text that a client joins out of the chunks, as the official clients do. */
function joined(form: AnswerForm, chunks: readonly Readonly<Record<string, unknown>>[]): string {
  return chunks.map((chunk) => {
    const { choices } = chunk;
    if (Array.isArray(choices) && choices.length === 0) return "";
    const choice = onlyChoice(chunk);
    const text = form === "chat" ? recordOf(choice["delta"])["content"] : choice["text"];
    return typeof text === "string" ? text : "";
  }).join("");
}

function decodeChunk(value: unknown): CompletionChunk {
  const event = completionEvent(value);
  assert(event.kind === "chunk");
  return event.chunk;
}

const FROM_DECODE = decodeChunk({
  id: "cmpl-other",
  object: "text_completion",
  created: 99,
  model: "other",
  system_fingerprint: 'f"1',
  service_tier: null,
  choices: [{
    index: 3,
    text: "x",
    logprobs: null,
    finish_reason: null,
    stop_reason: null,
    prompt_token_ids: [1, 2, 3],
    token_ids: [4],
    routed: 7,
  }],
  usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
});

/** A whole streamed answer of four texts. */
function stream(form: AnswerForm, includeUsage: boolean): Uint8Array | undefined {
  const writer = new StreamWriter(identity(form), { includeUsage });
  writer.begin();
  writer.text(rawJsonText("Hel"));
  writer.adopt(FROM_DECODE);
  writer.text(rawJsonText('l"o'));
  writer.text(bytesOf("\\u00e9"));
  writer.end(rawJsonText("!"), END);
  return writer.take();
}

for (const form of FORMS) {
  Deno.test(`StreamWriter writes one ${form} answer with one id and one [DONE] at its end`, () => {
    const bytes = stream(form, true);
    const events = eventsIn(bytes);
    assertEquals(events.filter((data) => data === "[DONE]").length, 1);
    assertEquals(events.at(-1), "[DONE]");
    const chunks = chunksIn(bytes);
    for (const chunk of chunks) {
      assertEquals(
        [chunk["id"], chunk["created"], chunk["model"], chunk["object"]],
        ["id-1", 17, "m", form === "chat" ? "chat.completion.chunk" : "text_completion"],
      );
    }
    assertEquals(joined(form, chunks), 'Hell"oé!');
  });

  Deno.test(`StreamWriter tells the usage of a ${form} answer only when asked, in a chunk of its own`, () => {
    const withUsage = chunksIn(stream(form, true));
    const last = withUsage.at(-1);
    assert(last !== undefined);
    assertEquals(last["choices"], []);
    assertEquals(last["usage"], USAGE);
    assertEquals(withUsage.slice(0, -1).filter((chunk) => "usage" in chunk), []);
    const without = chunksIn(stream(form, false));
    assertEquals(without.length, withUsage.length - 1);
    assertEquals(without.filter((chunk) => "usage" in chunk), []);
  });

  Deno.test(`StreamWriter ends a ${form} answer with its reasons, and has none before`, () => {
    const choices = chunksIn(stream(form, false)).map(onlyChoice);
    const last = choices.at(-1);
    assertEquals(choices.slice(0, -1).filter((choice) => choice["finish_reason"] !== null), []);
    assertEquals([last?.["finish_reason"], last?.["stop_reason"]], ["stop", null]);
    const writer = new StreamWriter(identity(form), { includeUsage: false });
    writer.end(rawJsonText(""), { ...END, finishReason: "length", stopReason: 'E"ND' });
    const [only] = chunksIn(writer.take()).map(onlyChoice);
    assertEquals([only?.["finish_reason"], only?.["stop_reason"]], ["length", 'E"ND']);
  });

  Deno.test(`StreamWriter keeps the decode engine's unknown envelope fields in a ${form} answer`, () => {
    const chunks = chunksIn(stream(form, true));
    const adopted = form === "chat" ? 2 : 1;
    assertEquals(
      chunks.map((chunk) => chunk["system_fingerprint"]),
      chunks.map((_, index) => index < adopted ? undefined : 'f"1'),
    );
    assertEquals(chunks.at(-1)?.["service_tier"], null);
  });

  Deno.test(`StreamWriter puts the usage into the chunks of a ${form} answer that report it`, () => {
    const writer = new StreamWriter(identity(form), { includeUsage: true });
    writer.text(rawJsonText("a"), { ...USAGE, completion_tokens: 1 });
    writer.text(rawJsonText("b"));
    writer.end(rawJsonText("c"), { ...END, chunkUsage: USAGE });
    const usages = chunksIn(writer.take()).map((chunk) => chunk["usage"]);
    assertEquals(usages, [{ ...USAGE, completion_tokens: 1 }, undefined, USAGE, USAGE]);
  });

  Deno.test(`StreamWriter leaves out nulls of the usage of a ${form} answer, and tells extras last`, () => {
    const usage = { ...USAGE, prompt_tokens_details: { cached_tokens: 0, a: null }, b: null };
    const extras = { system_fingerprint: "f" };
    for (const includeUsage of [true, false]) {
      const writer = new StreamWriter(identity(form), { includeUsage });
      writer.text(rawJsonText("a"), usage);
      writer.end(rawJsonText("b"), { ...END, usage, extras });
      const chunks = chunksIn(writer.take());
      const told = { ...USAGE, prompt_tokens_details: { cached_tokens: 0 } };
      assertEquals(
        chunks.map((chunk) => chunk["usage"]),
        includeUsage ? [told, undefined, told] : [told, undefined],
      );
      assertEquals(
        chunks.map((chunk) => chunk["system_fingerprint"]),
        includeUsage ? [undefined, undefined, "f"] : [undefined, "f"],
      );
    }
  });

  Deno.test(`StreamWriter leaves out the usage chunk of a ${form} answer whose usage is unknown`, () => {
    const writer = new StreamWriter(identity(form), { includeUsage: true });
    writer.end(rawJsonText(""), { ...END, usage: undefined });
    assertEquals(eventsIn(writer.take()).length, 2);
  });

  Deno.test(`StreamWriter survives hostile models, ids and fields in a ${form} answer`, () => {
    for (const name of HOSTILE) {
      const writer = new StreamWriter(identity(form, { id: name, model: name }), {
        includeUsage: true,
      });
      writer.begin();
      writer.adopt(decodeChunk({ [name]: name, choices: [{ index: 0, text: "", [name]: name }] }));
      writer.text(rawJsonText(name));
      writer.end(rawJsonText(name), { ...END, finishReason: name, stopReason: name });
      const bytes = writer.take();
      const chunks = chunksIn(bytes);
      assertEquals(eventsIn(bytes).length, form === "chat" ? 5 : 4);
      for (const chunk of chunks) {
        assertEquals([chunk["id"], chunk["model"]], [name, name]);
      }
      assertEquals(joined(form, chunks), name + name);
    }
  });

  Deno.test(`StreamWriter.take() gives each byte of a ${form} answer once, in a buffer of its own`, () => {
    const writer = new StreamWriter(identity(form), { includeUsage: false });
    assertEquals(writer.take(), undefined);
    writer.text(rawJsonText("a"));
    const first = writer.take();
    const copy = first?.slice();
    assertEquals(writer.take(), undefined);
    const long = "x".repeat(100_000);
    writer.text(rawJsonText(long));
    writer.end(rawJsonText(""), END);
    const second = writer.take();
    assertEquals(first, copy);
    assertEquals(joined(form, [...chunksIn(first), ...chunksIn(second)]), `a${long}`);
    assertEquals(writer.take(), undefined);
  });

  Deno.test(`StreamWriter.fail() writes one error event into a ${form} answer and no [DONE]`, () => {
    const writer = new StreamWriter(identity(form), { includeUsage: true });
    const body = { error: { message: 'no "KV"', type: "t", param: null, code: 502 } };
    writer.fail(body);
    assertEquals(eventsIn(writer.take()).map((data) => JSON.parse(data)), [body]);
  });
}

Deno.test("StreamWriter begins a chat answer with the role, and a completions answer with nothing", () => {
  const chat = new StreamWriter(identity("chat"), { includeUsage: true });
  chat.begin();
  assertEquals(chunksIn(chat.take()), [{
    id: "id-1",
    object: "chat.completion.chunk",
    created: 17,
    model: "m",
    choices: [{
      index: 0,
      delta: { role: "assistant", content: "" },
      logprobs: null,
      finish_reason: null,
    }],
  }]);
  const completions = new StreamWriter(identity("completions"), { includeUsage: true });
  completions.begin();
  assertEquals(completions.take(), undefined);
  const roles = chunksIn(stream("chat", false)).map((chunk) =>
    recordOf(onlyChoice(chunk)["delta"])["role"]
  );
  assertEquals(roles, ["assistant", undefined, undefined, undefined, undefined]);
});

Deno.test("StreamWriter keeps a completion choice's unknown fields, but not the ids of one chunk", () => {
  const choices = chunksIn(stream("completions", false)).map(onlyChoice);
  assertEquals(choices[1], {
    text: 'l"o',
    stop_reason: null,
    index: 0,
    logprobs: null,
    prompt_token_ids: null,
    token_ids: null,
    routed: 7,
    finish_reason: null,
  });
  assertEquals(choices.at(-1)?.["token_ids"], null);
  const chat = chunksIn(stream("chat", false)).map(onlyChoice);
  assertEquals(chat[2], {
    delta: { content: 'l"o' },
    index: 0,
    logprobs: null,
    finish_reason: null,
  });
});

const BASE = {
  id: "cmpl-P",
  object: "text_completion",
  created: 99,
  model: "other",
  system_fingerprint: "f",
  '"choices":[': '"',
  choices: [{ index: 0, text: " The" }],
  usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
  kv_transfer_params: { first_tok: 791 },
};

function whole(form: AnswerForm, change: Partial<AnswerIdentity> = {}): unknown {
  const writer = new WholeWriter(identity(form, change), BASE);
  writer.begin();
  writer.text(rawJsonText("Hel"));
  writer.adopt();
  writer.text(rawJsonText('l"o'));
  assertEquals(writer.take(), undefined);
  writer.end(rawJsonText("\n"), { ...END, stopReason: 7 });
  const body = writer.take();
  assertEquals(writer.take(), undefined);
  assert(body !== undefined);
  return JSON.parse(decodeUtf8(body));
}

Deno.test("WholeWriter writes one completions body", () => {
  assertEquals(whole("completions"), {
    id: "id-1",
    object: "text_completion",
    created: 17,
    model: "m",
    system_fingerprint: "f",
    '"choices":[': '"',
    choices: [{
      text: 'Hell"o\n',
      index: 0,
      logprobs: null,
      finish_reason: "stop",
      stop_reason: 7,
    }],
    usage: USAGE,
  });
});

Deno.test("WholeWriter writes one chat body", () => {
  assertEquals(whole("chat"), {
    id: "id-1",
    object: "chat.completion",
    created: 17,
    model: "m",
    system_fingerprint: "f",
    '"choices":[': '"',
    choices: [{
      message: { role: "assistant", content: 'Hell"o\n' },
      index: 0,
      logprobs: null,
      finish_reason: "stop",
      stop_reason: 7,
    }],
    usage: USAGE,
  });
});

for (const form of FORMS) {
  Deno.test(`WholeWriter survives hostile models and ids in a ${form} body`, () => {
    for (const name of HOSTILE) {
      const body = recordOf(whole(form, { id: name, model: name }));
      assertEquals([body["id"], body["model"]], [name, name]);
      const choice = onlyChoice(body);
      const text = form === "chat" ? recordOf(choice["message"])["content"] : choice["text"];
      assertEquals(text, 'Hell"o\n');
    }
  });

  Deno.test(`WholeWriter writes an empty ${form} answer, without usage when it is unknown`, () => {
    const writer = new WholeWriter(identity(form));
    writer.end(rawJsonText(""), { ...END, usage: undefined });
    const body = recordOf(JSON.parse(decodeUtf8(writer.take() ?? new Uint8Array(0))));
    assertEquals("usage" in body, false);
    assertEquals(onlyChoice(body)["finish_reason"], "stop");
  });
}

Deno.test("WholeWriter keeps members of the usage that the prefill engine says are null", () => {
  const usage = { ...USAGE, completion_tokens_details: null, prompt_tokens_details: null, x: 1 };
  const writer = new WholeWriter(identity("completions"), { ...BASE, usage });
  writer.end(rawJsonText(""), { ...END, usage: { ...USAGE, prompt_tokens_details: { c: 2 } } });
  const body = recordOf(JSON.parse(decodeUtf8(writer.take() ?? new Uint8Array(0))));
  assertEquals(body["usage"], {
    ...USAGE,
    completion_tokens_details: null,
    prompt_tokens_details: { c: 2 },
  });
});

Deno.test("rawJsonText() is the inside of a JSON string", () => {
  for (const text of ["", "plain", ...HOSTILE]) {
    const raw = decodeUtf8(rawJsonText(text));
    assertEquals(JSON.parse(`"${raw}"`), text);
  }
});
