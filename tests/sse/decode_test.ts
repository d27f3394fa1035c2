import { decodeUtf8, encodeUtf8, RouterError } from "../../lib/base/mod.ts";
import { SseDecoder } from "../../lib/sse/mod.ts";
import { assertEquals, assertThrows } from "../support/assert.ts";
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
      for (let round = 0; round < 4; round++) {
        decoder.push(piece);
        while (decoder.next()) { /* no event can come */ }
      }
    },
    RouterError,
    "exceeds",
  );
});
