import { decodeUtf8, encodeUtf8, RouterError } from "../../lib/base/mod.ts";
import { MAX_EVENT_BYTES, SseDecoder } from "../../lib/sse/mod.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";
import { allCuts } from "../support/cuts.ts";

/** Feed `pieces` through one reused buffer, as a connection does, and collect the events. */
function decode(pieces: readonly Uint8Array[]): string[] {
  const decoder = new SseDecoder();
  const events: string[] = [];
  const buffer = new Uint8Array(1 << 16);
  for (const piece of pieces) {
    buffer.set(piece);
    decoder.push(buffer.subarray(0, piece.length));
    for (let data = decoder.next(); data; data = decoder.next()) events.push(decodeUtf8(data));
    buffer.fill(0x3f);
  }
  return events;
}

const STREAMS: readonly (readonly [name: string, text: string, events: readonly string[]])[] = [
  ["one event", "data: a\n\n", ["a"]],
  ["several events", 'data: {"a":1}\n\ndata: {"b":"é世😀"}\n\ndata: [DONE]\n\n', [
    '{"a":1}',
    '{"b":"é世😀"}',
    "[DONE]",
  ]],
  ["CRLF lines", "data: a\r\n\r\ndata: b\r\n\r\n", ["a", "b"]],
  ["CR lines", "data: a\r\rdata: b\r\r", ["a", "b"]],
  ["mixed line ends", "data: a\r\n\ndata: b\n\r\ndata: c\n\n", ["a", "b", "c"]],
  ["comments and other fields", ": ping\n\nid: 4\nevent: x\ndata: a\nretry: 5\n\n:\n\n", ["a"]],
  ["several data lines", "data: a\ndata:b\ndata\ndata:  c\n\n", ["a\nb\n\n c"]],
  ["a field that only begins like data", "database: x\n\ndata: a\n\n", ["a"]],
  ["a byte order mark", "\ufeffdata: a\n\ndata: b\n\n", ["a", "b"]],
  ["an unfinished event at the end", "data: a\n\ndata: b\n", ["a"]],
  ["empty data", "data:\n\ndata: a\n\n", ["", "a"]],
];

for (const [name, text, events] of STREAMS) {
  Deno.test(`SseDecoder reads ${name} at any cut`, () => {
    for (const cut of allCuts(encodeUtf8(text))) {
      assertEquals(decode(cut.pieces), [...events], cut.name);
    }
  });
}

const COMMENTED: readonly (readonly [text: string, seen: readonly string[]])[] = [
  [": ping\n\ndata: a\n\n", ["# : ping", "a"]],
  ["data: a\n\n: one\n: two\n\ndata: b\n\n", ["a", "# : one", "# : two", "b"]],
  [": in\ndata: a\n\n", ["# : in", "a"]],
  ["data: a\n: in\ndata: b\n\n", ["# : in", "a\nb"]],
  [":\r\n\r\ndata: a\r\n\r\n:\r\r", ["# :", "a", "# :"]],
  ["data: a\n\n: unfinished\n", ["a"]],
];

for (const [text, seen] of COMMENTED) {
  Deno.test(`SseDecoder tells each comment of ${JSON.stringify(text)} once, in order`, () => {
    for (const { name, pieces } of allCuts(encodeUtf8(text))) {
      const found: string[] = [];
      const decoder = new SseDecoder({ onComment: (line) => found.push(`# ${decodeUtf8(line)}`) });
      for (const piece of pieces) {
        decoder.push(piece);
        for (let data = decoder.next(); data; data = decoder.next()) found.push(decodeUtf8(data));
      }
      assertEquals(found, [...seen], name);
    }
  });
}

Deno.test("SseDecoder refuses an event without end", () => {
  const decoder = new SseDecoder();
  const piece = new Uint8Array(9 * 1024 * 1024).fill(0x61);
  assertThrows(
    () => {
      for (let round = 0; round < 9; round++) {
        decoder.push(piece);
        while (decoder.next()) { /* no event can come */ }
      }
    },
    RouterError,
    "exceeds",
  );
});

const MIB = 1024 * 1024;

Deno.test("SseDecoder refuses an event of lines without end", () => {
  for (const field of ["data: ", ": ", "id: "]) {
    const decoder = new SseDecoder({ onComment: () => {} });
    const line = `${field}${"a".repeat(8_000)}\n`;
    const piece = encodeUtf8(line.repeat(128));
    const size = piece.length - 128;
    let taken = 0;
    assertThrows(
      () => {
        for (; taken <= MAX_EVENT_BYTES; taken += size) {
          decoder.push(piece);
          while (decoder.next()) { /* no event can come */ }
        }
      },
      RouterError,
      `exceeds ${MAX_EVENT_BYTES} bytes`,
    );
    assert(taken > MAX_EVENT_BYTES - 2 * size, `refused after ${taken} bytes`);
  }
});

Deno.test("SseDecoder gives an event of many MiB in small reads, and the ones around it", () => {
  const long = "x".repeat(5 * MIB);
  const stream = encodeUtf8(`data: a\n\ndata: ${long}\n\ndata: b\n\ndata: c\n`);
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < stream.length; at += 65_521) pieces.push(stream.slice(at, at + 65_521));
  const events = decode([...pieces, encodeUtf8("data: d\n\n")]);
  assertEquals(events.map((event) => event.length), [1, long.length, 1, 3]);
  assert(events[1] === long);
  assertEquals(events.at(-1), "c\nd");
});

Deno.test("SseDecoder keeps the events of one read apart until the next, also of many lines", () => {
  const decoder = new SseDecoder();
  decoder.push(encodeUtf8("data: a\ndata: b"));
  assertEquals(decoder.next(), undefined);
  decoder.push(encodeUtf8("b\n\ndata: c\ndata: d\n\ndata: e\n\n"));
  const events: Uint8Array[] = [];
  for (let data = decoder.next(); data; data = decoder.next()) events.push(data);
  assertEquals(events.map(decodeUtf8), ["a\nbb", "c\nd", "e"]);
});

Deno.test("SseDecoder tells a bounded number of one event's comments", () => {
  for (const [comment, most] of [[": x\n", 64], [`: ${"x".repeat(5_000)}\n`, 3]] as const) {
    const told: Uint8Array[] = [];
    const decoder = new SseDecoder({ onComment: (line) => told.push(line) });
    decoder.push(encodeUtf8(`${comment.repeat(1_000)}data: a\n\n${comment}\n`));
    assertEquals(decodeUtf8(decoder.next() ?? new Uint8Array(0)), "a");
    assertEquals(told.length, most);
    assertEquals(decoder.next(), undefined);
    assertEquals(told.length, most + 1, "the next event's are told again");
  }
});

Deno.test("SseDecoder takes a byte order mark at the beginning alone", () => {
  const mark = "\ufeff";
  assertEquals(decode([encodeUtf8("\n"), encodeUtf8(`${mark}data: a\n\ndata: b\n\n`)]), ["b"]);
  assertEquals(decode([encodeUtf8(`data: ${mark}a\n\n`)]).map((text) => text.length), [1]);
});
