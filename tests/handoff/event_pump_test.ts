import { atOnce, concatBytes, decodeUtf8, encodeUtf8, RouterError } from "../../lib/base/mod.ts";
import { EventPump, type Seam } from "../../lib/handoff/event_pump.ts";
import { TextJoiner } from "../../lib/handoff/first_text.ts";
import { Given } from "../../lib/handoff/given.ts";
import { StopJoin } from "../../lib/handoff/stop_join.ts";
import {
  asUsage,
  type CompletionChunk,
  SMALL_JSON_BYTES,
  StreamWriter,
  WholeWriter,
} from "../../lib/openai/mod.ts";
import { SseDecoder } from "../../lib/sse/mod.ts";
import { assert, assertEquals, assertStringIncludes, assertThrows } from "../support/assert.ts";
import { allCuts } from "../support/cuts.ts";
import { data, event, usageEvent } from "../support/scripted_pair.ts";
import { ofChunks } from "../support/told.ts";
import { DECODE } from "./support.ts";

const PREFILL_USAGE = asUsage({
  prompt_tokens: 3,
  completion_tokens: 1,
  total_tokens: 4,
  prompt_tokens_details: { cached_tokens: 2 },
});

function seamOf(more: Partial<Seam> = {}): Seam {
  return {
    engine: DECODE,
    prefillUsage: PREFILL_USAGE,
    continuousUsage: false,
    joiner: undefined,
    stops: undefined,
    begun: " one",
    spelled: 0,
    tells: { tokenIds: false, logprobs: false },
    ...more,
  };
}

// deno-lint-ignore no-explicit-any
type Json = any;

interface Pumped {
  readonly chunks: readonly Json[];
  readonly dones: number;
  readonly done: boolean;
  readonly cut: boolean;
  /** How many events were taken. */
  readonly taken: number;
}

/** Feed `pieces` through one reused buffer, as a connection does. */
async function pumped(
  pieces: readonly Uint8Array[],
  seam: Seam,
  includeUsage = true,
): Promise<Pumped> {
  const identity = { form: "completions", id: "cmpl-r", created: 1, model: "m" } as const;
  const writer = new StreamWriter(identity, { includeUsage });
  const pump = new EventPump(seam, writer);
  const decoder = new SseDecoder();
  const buffer = new Uint8Array(1 << 16);
  const out: Uint8Array[] = [];
  let taken = 0;
  for (const piece of pieces) {
    buffer.set(piece);
    decoder.push(buffer.subarray(0, piece.length));
    for (let data = decoder.next(); data !== undefined && !pump.done; data = decoder.next()) {
      taken++;
      const pending = pump.take(data);
      if (pending !== undefined) await pending;
    }
    const bytes = writer.take();
    if (bytes !== undefined) out.push(bytes);
    buffer.fill(0x3f);
  }
  const events = decodeUtf8(concatBytes(out)).split("\n\n").filter((part) => part !== "")
    .map((part) => part.slice("data: ".length));
  return {
    chunks: events.filter((text) => text !== "[DONE]").map((text) => JSON.parse(text)),
    dones: events.filter((text) => text === "[DONE]").length,
    done: pump.done,
    cut: pump.cut,
    taken,
  };
}

const END = data("[DONE]");

const STREAM = [
  event(" two"),
  event(' "quoted" \u4e16'),
  event(""),
  event(" three", { finish_reason: "length", stop_reason: null }),
  usageEvent(4, 3),
  END,
];

function bytesOf(events: readonly string[]): Uint8Array {
  return encodeUtf8(events.join(""));
}

Deno.test("EventPump puts the decode engine's events behind the first token, at any cut", async () => {
  for (const { name, pieces } of allCuts(bytesOf(STREAM))) {
    const { chunks, dones, done, cut } = await pumped(pieces, seamOf());
    assertEquals(ofChunks(chunks), {
      choice: { index: 0, text: ' two "quoted" \u4e16 three', finish_reason: "length" },
      usage: {
        prompt_tokens: 3,
        completion_tokens: 4,
        total_tokens: 7,
        prompt_tokens_details: { cached_tokens: 2 },
      },
      promptIds: undefined,
      reports: false,
    }, name);
    assert(chunks.every(({ id, created }) => id === "cmpl-r" && created === 1), name);
    assertEquals([dones, done, cut], [1, true, false], name);
  }
});

Deno.test("EventPump reports usage where it is asked for alone", async () => {
  const { chunks } = await pumped([bytesOf(STREAM)], seamOf(), false);
  assert(chunks.every((chunk) => !("usage" in chunk)));
});

Deno.test("EventPump keeps what the engine's last event says besides", async () => {
  const usage = JSON.parse(usageEvent(4, 1).slice("data: ".length));
  const events = [
    event(" two", { finish_reason: "stop", stop_reason: 7 }),
    data({ ...usage, system_fingerprint: "f" }),
    END,
  ];
  const { chunks } = await pumped([bytesOf(events)], seamOf());
  assertEquals(chunks.at(-1).system_fingerprint, "f");
  assertEquals(chunks.at(-2).choices[0].stop_reason, 7);
  assertEquals(chunks.at(-2).system_fingerprint, undefined);
});

Deno.test("EventPump reports running usage with each chunk when that is asked for", async () => {
  const running = (completion: number): Record<string, unknown> => ({
    usage: {
      prompt_tokens: 4,
      completion_tokens: completion,
      total_tokens: 4 + completion,
    },
  });
  const events = [
    event(" two", running(1)),
    event("", running(2)),
    event(" three", { ...running(3), finish_reason: "length" }),
    usageEvent(4, 3),
    END,
  ];
  for (const { name, pieces } of allCuts(bytesOf(events), 10)) {
    const { chunks } = await pumped(pieces, seamOf({ continuousUsage: true }));
    assertEquals(
      chunks.map(({ usage }) => [usage.prompt_tokens, usage.completion_tokens]),
      [[3, 2], [3, 3], [3, 4], [3, 4]],
      name,
    );
    assertEquals(
      chunks.map(({ usage }) => "prompt_tokens_details" in usage),
      [false, false, false, true],
      "what was cached is told with the last report alone",
    );
  }
});

/** What an event tells of its tokens. */
function toldOf(tokens: readonly string[], ids: readonly number[]): Record<string, unknown> {
  return {
    token_ids: ids,
    logprobs: {
      tokens,
      token_logprobs: tokens.map(() => -1),
      top_logprobs: tokens.map((token) => ({ [token]: -1 })),
      text_offset: tokens.map(() => 0),
    },
  };
}

Deno.test("EventPump tells the ids and the log-probabilities that were asked for", async () => {
  const events = [
    event(" two", toldOf([" two"], [5])),
    event(" three", { ...toldOf([" three"], [6]), finish_reason: "length" }),
    usageEvent(4, 2),
    END,
  ];
  const seam = { tells: { tokenIds: true, logprobs: true }, spelled: 4 };
  for (const { name, pieces } of allCuts(bytesOf(events), 10)) {
    const { choice } = ofChunks((await pumped(pieces, seamOf(seam))).chunks);
    assertEquals(choice["token_ids"], [5, 6], name);
    assertEquals(
      (choice["logprobs"] as Json).text_offset,
      [4, 8],
      "offsets go on behind the first token",
    );
  }
});

/** Bytes are ids from 1000 on; others have no text. */
function textOf(ids: readonly number[]): Promise<string> {
  const bytes = ids.filter((id) => id >= 1000).map((id) => id - 1000);
  return Promise.resolve(new TextDecoder().decode(Uint8Array.from(bytes)));
}

const [FIRST = 0, ...REST] = [...encodeUtf8("\u4e16!")].map((byte) => 1000 + byte);

Deno.test("EventPump joins a character whose first byte is the first token, at any cut", async () => {
  const events = [
    ...REST.slice(0, 2).map((id) => event("", { token_ids: [id] })),
    event("!", { token_ids: REST.slice(2) }),
    event(" more", { token_ids: [9] }),
    event("", { token_ids: [], finish_reason: "length" }),
    usageEvent(4, 5),
    END,
  ];
  for (const { name, pieces } of allCuts(bytesOf(events), 20)) {
    const joiner = new TextJoiner(textOf, [], "", [FIRST]);
    const { chunks, done } = await pumped(pieces, seamOf({ joiner, begun: "" }));
    assertEquals([ofChunks(chunks).choice["text"], done], ["\u4e16! more", true], name);
  }
});

Deno.test("EventPump spells the token that completes the first character", async () => {
  const events = [
    event("", toldOf([""], REST.slice(0, 1))),
    event("", toldOf([""], REST.slice(1, 2))),
    event("!", { ...toldOf(["!"], REST.slice(2)), finish_reason: "length" }),
    END,
  ];
  const tells = { tokenIds: true, logprobs: true };
  const joiner = new TextJoiner(textOf, [], "", [FIRST]);
  const { chunks } = await pumped([bytesOf(events)], seamOf({ joiner, begun: "", tells }));
  const { choice } = ofChunks(chunks);
  assertEquals([choice["text"], choice["token_ids"]], ["\u4e16!", REST]);
  const { tokens, top_logprobs: tops } = choice["logprobs"] as Json;
  assertEquals([tokens, tops], [["", "\u4e16", "!"], [{ "": -1 }, { "\u4e16": -1 }, { "!": -1 }]]);
});

Deno.test("EventPump fails when nobody can tell the text of the first character", async () => {
  const joiner = new TextJoiner(() => Promise.resolve(undefined), [], "", [FIRST]);
  const error = await errorOf([event("", { token_ids: [1000] })], seamOf({ joiner }));
  assertStringIncludes(error.message, "/detokenize");
});

function stopsOf(stop: string, include = false): StopJoin {
  const rules = { stops: [stop], include, minTokens: 0 };
  const join = new StopJoin(rules, textOf, []);
  join.begin(" one", 1);
  return join;
}

Deno.test("EventPump ends an answer at a stop string that began in the first token, at any cut", async () => {
  const events = [
    event(" t", { token_ids: [2] }),
    event("wo", { token_ids: [3] }),
    event(" three", { token_ids: [4] }),
    event(" four", { token_ids: [5], finish_reason: "length" }),
    usageEvent(4, 4),
    END,
  ];
  for (const { name, pieces } of allCuts(bytesOf(events), 20)) {
    const stops = stopsOf("one tw");
    const { chunks, dones, done, cut, taken } = await pumped(pieces, seamOf({ stops }));
    const { choice, usage } = ofChunks(chunks);
    assertEquals([choice["finish_reason"], choice["stop_reason"]], ["stop", "one tw"], name);
    assertEquals((usage as Json).completion_tokens, 3, name);
    assertEquals([dones, done, cut, taken], [1, true, true, 2], "the engine would go on");
  }
});

Deno.test("EventPump tells of no token behind the one that completed a stop string", async () => {
  const letters = [" ", "t", "w", "o"];
  const ids = letters.map((letter) => 1000 + letter.charCodeAt(0));
  const events = [event(" two", toldOf(letters, ids)), END];
  const tells = { tokenIds: true, logprobs: true };
  const { chunks } = await pumped([bytesOf(events)], seamOf({ stops: stopsOf("one tw"), tells }));
  const [{ choices: [choice] }] = chunks;
  assertEquals([choice.text, choice.stop_reason], ["", "one tw"]);
  assertEquals(choice.token_ids, ids.slice(0, 3));
  assertEquals(choice.logprobs.tokens, [" ", "t", "w"]);
});

Deno.test("EventPump is not cut where the engine ends with the stop string itself", async () => {
  const events = [event(" two", { token_ids: [2], finish_reason: "length" }), END];
  const { cut, done } = await pumped([bytesOf(events)], seamOf({ stops: stopsOf("one two") }));
  assertEquals([cut, done], [false, true]);
});

Deno.test("EventPump says what waited for a stop string that does not come", async () => {
  const events = [
    event(" t", { token_ids: [2] }),
    event("", { token_ids: [], finish_reason: "length" }),
    usageEvent(4, 1),
    END,
  ];
  const { chunks } = await pumped([bytesOf(events)], seamOf({ stops: stopsOf("t!") }));
  assertEquals(ofChunks(chunks).choice["text"], " t");
});

/** What the pump throws of `events`. */
async function errorOf(events: readonly string[], seam = seamOf()): Promise<RouterError> {
  try {
    await pumped([bytesOf(events)], seam);
  } catch (error) {
    assert(error instanceof RouterError, String(error));
    assertStringIncludes(error.message, `Decode on engine ${DECODE.url}`);
    return error;
  }
  throw new Error("Expected the pump to throw");
}

const FAILURES: readonly (readonly [name: string, events: readonly string[], part: string])[] = [
  ["an error event", [event(" a"), data({ error: { message: "boom" } })], "failed: boom"],
  ["an error without message", [data({ error: { a: 1 } })], 'failed: {"a":1}'],
  ["JSON that is none", [event(" a"), data("{]")], "sent invalid JSON"],
  ["no choices", [data({ id: "x" })], "sent an event has no choices"],
  ["several choices", [data({ choices: [{ text: "a" }, { text: "b" }] })], "several choices"],
  ["finish_reason error", [event("", { finish_reason: "error" })], "finish_reason 'error'"],
  ["finish_reason abort", [event("", { finish_reason: "abort" })], "finish_reason 'abort'"],
  ["[DONE] without a finish_reason", [event(" a"), END], "sent [DONE] without a finish_reason"],
  ["[DONE] alone", [END], "sent [DONE] without a finish_reason"],
];

for (const [name, events, part] of FAILURES) {
  Deno.test(`EventPump throws at ${name}`, async () => {
    const error = await errorOf(events);
    assertEquals(error.code, "decode-failed");
    assertStringIncludes(error.message, part);
  });
}

Deno.test("EventPump ends an engine that goes on beyond the tokens it was asked for", async () => {
  const spare = 64;
  const few = { token_ids: [1, 2, 3, 4] };
  const rows: readonly (readonly [events: readonly string[], tokens: number])[] = [
    [Array.from({ length: 2 + spare }, () => event(" a")), 1],
    [Array.from({ length: 2 + spare }, () => event("", { token_ids: [1] })), 1],
    [Array.from({ length: (2 + spare) / 4 + 1 }, () => event(" a", few)), 4],
  ];
  for (const [events, tokens] of rows) {
    const maxTokens = 2;
    const end = [event("", { finish_reason: "length" }), END];
    const within = events.slice(0, Math.floor((maxTokens + spare) / tokens) - 1);
    const { done } = await pumped([bytesOf([...within, ...end])], seamOf({ maxTokens }));
    assertEquals(done, true, "what is usual at an answer's end is not held against it");
    const error = await errorOf([...events, event(" a")], seamOf({ maxTokens }));
    assertEquals(error.code, "decode-failed");
    assertStringIncludes(error.message, "goes on beyond the 2 tokens");
    assertEquals((await pumped([bytesOf(events)], seamOf())).done, false, "no limit, no end");
  }
});

Deno.test("EventPump ends an engine that sends more bytes than are held", async () => {
  const events = Array.from({ length: 20 }, () => event("x".repeat(1_000)));
  assertEquals((await pumped([bytesOf(events)], seamOf({ maxBytes: 40_000 }))).taken, 20);
  const error = await errorOf(events, seamOf({ maxBytes: 15_000 }));
  assertStringIncludes(error.message, "sent more than 15000 bytes");
});

Deno.test("EventPump keeps the status that an engine's failure names, where it is the client's", async () => {
  for (const [code, status] of [[400, 400], [429, 429], [503, 503], [500, undefined]] as const) {
    const error = await errorOf([event(" a"), data({ error: { message: "no", code } })]);
    assertEquals([error.code, error.refusal?.status], ["decode-failed", status]);
  }
});

const LONG = "x".repeat(400_000);
const IDS = Array.from({ length: 50_000 }, (_, at) => 100_000 + at);

/** All that comes out of `events`, each taken as one of its size is. */
function bytesFrom(
  events: readonly string[],
  writer: StreamWriter | WholeWriter,
  seam: Seam,
): string {
  const pump = new EventPump(seam, writer);
  const decoder = new SseDecoder();
  decoder.push(bytesOf(events));
  const out: Uint8Array[] = [];
  for (let data = decoder.next(); data !== undefined; data = decoder.next()) {
    const pending = data.length > SMALL_JSON_BYTES ? atOnce(pump.takeLarge(data)) : pump.take(data);
    assertEquals(pending, undefined);
    for (let piece = writer.take(); piece; piece = writer.take()) out.push(piece);
  }
  assertEquals(pump.done, true);
  return decodeUtf8(concatBytes(out));
}

const IDENTITY = { form: "completions", id: "cmpl-r", created: 1, model: "m" } as const;

for (const finish of [null, "length"]) {
  Deno.test(`EventPump writes a large text, with finish_reason ${finish}`, () => {
    const last = finish === null ? [event(" b", { finish_reason: "length" })] : [];
    const large = event(LONG, { prompt_token_ids: IDS, finish_reason: finish });
    const events = [large, ...last, usageEvent(4, 3), END];
    const writer = new StreamWriter(IDENTITY, { includeUsage: true });
    const text = bytesFrom(events, writer, seamOf());
    const chunks = text.split("\n\n").filter((part) => part.startsWith("data: {"))
      .map((part) => JSON.parse(part.slice("data: ".length)));
    const { choice } = ofChunks(chunks);
    assertEquals(choice["text"], LONG + (finish === null ? " b" : ""));
    assertEquals(choice["finish_reason"], "length");
    assertEquals(
      choice["prompt_token_ids"],
      undefined,
      "they are the decode leg's, not the client's",
    );
    const whole = new WholeWriter(IDENTITY);
    const body = JSON.parse(bytesFrom(events, whole, seamOf({ maxBytes: 1_000_000 })));
    assertEquals(body.choices[0].text, LONG + (finish === null ? " b" : ""));
  });
}

Deno.test("EventPump cannot look for stop strings in a large text, and says so", () => {
  const stops = stopsOf("x!");
  const pump = new EventPump(seamOf({ stops }), new StreamWriter(IDENTITY, { includeUsage: true }));
  const large = bytesOf([event(LONG)]).subarray("data: ".length, -2);
  assertThrows(() => atOnce(pump.takeLarge(large)), RouterError, "400000 bytes in one event");
});

Deno.test("EventPump ends an engine whose large text is more than is held", () => {
  const pump = new EventPump(seamOf({ maxBytes: 300_000 }), new WholeWriter(IDENTITY));
  const large = bytesOf([event(LONG)]).subarray("data: ".length, -2);
  assertThrows(() => atOnce(pump.takeLarge(large)), RouterError, "more than 300000 bytes");
});

/** A stream that has come as far as `ids`, and what goes on with it. */
function further(
  more: Partial<Seam>,
  ids: readonly number[],
): { readonly pump: EventPump; readonly given: Given; readonly chunks: () => readonly Json[] } {
  const given = new Given(100, DECODE);
  given.add(ids, true);
  given.adopted = true;
  const identity = { form: "completions", id: "cmpl-r", created: 1, model: "m" } as const;
  const writer = new StreamWriter(identity, { includeUsage: true });
  const seam = seamOf({ before: ids.length + 1, given, continuousUsage: true, ...more });
  const pump = new EventPump(seam, writer);
  let text = "";
  const chunks = (): readonly Json[] => {
    for (let bytes = writer.take(); bytes !== undefined; bytes = writer.take()) {
      text += decodeUtf8(bytes);
    }
    return text.split("\n\n").filter((part) => part !== "" && !part.endsWith("[DONE]"))
      .map((part) => JSON.parse(part.slice("data: ".length)));
  };
  return { pump, given, chunks };
}

function told(text: string, more: Partial<CompletionChunk> = {}): CompletionChunk {
  const choice = { stop_reason: null };
  const fields = { envelope: {}, choice, text, finishReason: undefined, usage: undefined };
  return { ...fields, tokenIds: [5], ...more };
}

function usageOf(completion: number): unknown {
  return { prompt_tokens: 3, completion_tokens: completion, total_tokens: 3 + completion };
}

Deno.test("EventPump.first() gives a token that goes before the events, and counts it", async () => {
  const { pump, given, chunks } = further({}, [91, 92]);
  await pump.first(told(" x"), undefined);
  const more = event(" y", { token_ids: [6], usage: usageOf(1) });
  pump.take(encodeUtf8(more.slice("data: ".length, -2)));
  const end = event("", {
    token_ids: [7],
    finish_reason: "stop",
    usage: { prompt_tokens: 6, completion_tokens: 2, total_tokens: 8 },
  });
  pump.take(encodeUtf8(end.slice("data: ".length, -2)));
  const usage = { prompt_tokens: 6, completion_tokens: 2, total_tokens: 8 };
  pump.take(encodeUtf8(JSON.stringify({ choices: [], usage })));
  pump.take(encodeUtf8("[DONE]"));
  assertEquals([pump.done, given.ids.slice()], [true, [91, 92, 5, 6, 7]]);
  const all = chunks();
  assertEquals(all.map(({ choices: [choice] }) => choice?.text), [" x", " y", "", undefined]);
  assertEquals(all[0].usage, usageOf(3), "what was given, and this token");
  assertEquals(all.at(-1).usage, {
    ...usageOf(5) as object,
    prompt_tokens_details: { cached_tokens: 2 },
  });
});

Deno.test("EventPump.first() ends an answer with a token that is the last one", async () => {
  const { pump, chunks } = further({}, [91]);
  await pump.first(told("", { finishReason: "stop", choice: { stop_reason: 5 } }), undefined);
  assertEquals(pump.done, true);
  const [last, usage] = chunks();
  assertEquals([last.choices[0].finish_reason, last.choices[0].stop_reason], ["stop", 5]);
  assertEquals([last.usage, usage.usage.completion_tokens], [usageOf(2), 2]);
});

Deno.test("EventPump.first() looks for stop strings that begin before it and end in it", async () => {
  const stops = new StopJoin({ stops: ["STOP"], include: false, minTokens: 0 }, () => {
    throw new Error("no text is needed");
  }, []);
  assertEquals(stops.begin("a ST", 91), "a ");
  const { pump, chunks } = further({ stops }, [91]);
  await pump.first(told("OP b"), undefined);
  assertEquals([pump.done, pump.cut], [true, true]);
  const [last, usage] = chunks();
  assertEquals([last.choices[0].text, last.choices[0].stop_reason], ["", "STOP"]);
  assertEquals(usage.usage.completion_tokens, 2);
});

Deno.test("EventPump.complete() ends an answer whose end is known, and no other", () => {
  const { pump, chunks } = further({}, [91]);
  assertEquals(pump.complete(), false);
  const end = event(" z", { token_ids: [6], finish_reason: "length" });
  pump.take(encodeUtf8(end.slice("data: ".length, -2)));
  assertEquals([pump.complete(), pump.done, pump.complete()], [true, true, true]);
  const [last, usage, ...others] = chunks();
  assertEquals([last.choices[0].text, last.choices[0].finish_reason], [" z", "length"]);
  assertEquals([usage.usage.completion_tokens, others], [2, []]);
});

Deno.test("EventPump notes text without ids, so that nobody goes on from there", () => {
  const { pump, given } = further({}, [91]);
  pump.take(encodeUtf8(event(" y").slice("data: ".length, -2)));
  assertEquals(given.obstacle, "no_ids");
});
