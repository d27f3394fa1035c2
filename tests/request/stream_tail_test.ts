import { decodeUtf8, encodeUtf8 } from "../../lib/base/mod.ts";
import { StreamTail } from "../../lib/request/stream_tail.ts";
import { assertEquals } from "../support/assert.ts";

const WELL = 'data: {"choices":[{"text":"\\"error\\""}]}\n\n';
const FAILED = 'data: {"error":{"message":"boom","code":500}}\n\n';
const DONE = "data: [DONE]\n\n";

function tailOf(text: string, size: number): StreamTail {
  const tail = new StreamTail();
  const bytes = encodeUtf8(text);
  for (let at = 0; at < bytes.length; at += size) tail.note(bytes.subarray(at, at + size));
  return tail;
}

Deno.test("StreamTail finds the word of a failure at a stream's end, in pieces of any size", () => {
  const long = WELL.repeat(300);
  for (const size of [1, 7, 100, 4_096, 100_000]) {
    assertEquals(tailOf(long + FAILED + DONE, size).told()?.message, "boom");
    assertEquals(tailOf(long + FAILED.trimEnd(), size).told()?.message, "boom");
    assertEquals(tailOf(long + DONE, size).told(), undefined);
    assertEquals(tailOf(long, size).told(), undefined);
  }
});

Deno.test("StreamTail tells the refusal that an event names", () => {
  const told = tailOf('data: {"error":{"message":"full","code":429}}\n\n', 10).told();
  assertEquals(told?.refusal?.status, 429);
  const { error } = JSON.parse(decodeUtf8(told?.refusal?.body ?? new Uint8Array(0)));
  assertEquals(error.message, "full");
});

Deno.test("StreamTail says nothing of what lies far behind, or of nothing", () => {
  assertEquals(tailOf(FAILED + WELL.repeat(300), 50).told(), undefined);
  assertEquals(new StreamTail().told(), undefined);
});

Deno.test("StreamTail keeps what it was shown, though the bytes are filled again", () => {
  const tail = new StreamTail();
  const bytes = encodeUtf8(FAILED);
  tail.note(bytes);
  bytes.fill(0x3f);
  assertEquals(tail.told()?.message, "boom");
});

Deno.test("StreamTail.tokens() tells what the stream tells, in pieces of any size", () => {
  const usage = 'data: {"choices":[],"usage":{"prompt_tokens":4,"completion_tokens":300}}\n\n';
  for (const size of [1, 7, 100, 4_096, 100_000]) {
    const tail = tailOf(WELL.repeat(300) + usage + DONE, size);
    assertEquals(tail.tokens(true), { prompt: 4, answer: 300 });
  }
});

Deno.test("StreamTail.tokens() is about the number of events of a stream that does not tell", () => {
  const event = (at: number): string => `data: {"choices":[{"text":"word ${at}"}]}\n\n`;
  const text = Array.from({ length: 1_000 }, (_, at) => event(at)).join("");
  for (const size of [50, 4_096]) {
    const { answer = 0, about } = tailOf(text + DONE, size).tokens(true) ?? {};
    assertEquals(about, true);
    assertEquals(Math.abs(answer - 1_000) < 50, true, `${answer}`);
  }
  assertEquals(tailOf(event(1).repeat(3), 10).tokens(true), { answer: 3, about: true });
  assertEquals(new StreamTail().tokens(true), undefined);
  // An answer that is no stream has no events to be counted.
  assertEquals(tailOf(text, 100).tokens(false), undefined);
});

Deno.test("StreamTail takes pieces of sizes that go well with no buffer", () => {
  for (const sizes of [[3_000, 2_000, 4_000], [4_095, 1, 4_095, 4_095], [1_025, 4_000, 3_200]]) {
    const tail = new StreamTail();
    for (const size of sizes) tail.note(new Uint8Array(size).fill(0x0a));
    tail.note(encodeUtf8(FAILED));
    assertEquals(tail.told()?.message, "boom", sizes.join());
  }
});
