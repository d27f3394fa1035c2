import fc from "fast-check";
import { type CompletionChunk, CompletionChunkReader } from "../../lib/openai/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { chunkIn, eventOf, type Said, type Style, textIn, USAGE } from "./chunks.ts";
import { RUNS } from "./support.ts";

const text = fc.oneof(
  fc.constantFrom(
    "",
    " the",
    '"',
    "\\",
    '\\"',
    "\\\\",
    '"text":"',
    '","text":"',
    '"}]}',
    '"finish_reason":"stop"',
    "}]}{[",
    "\n\t\u0000\u001f",
    "é世😀",
    "\ud83d",
    "\u2028",
    "\ufffd",
    "x".repeat(100) + "\\",
  ),
  fc.string({ unit: "binary", maxLength: 12 }),
);

const said: fc.Arbitrary<Said> = fc.oneof(
  { arbitrary: fc.record({ text }), weight: 20 },
  fc.record({ text, finish: fc.constantFrom("stop", "length", "error") }),
  fc.record({ text, stop: fc.constantFrom(7, "END") }),
  fc.record({ text, logprobs: fc.constantFrom({ tokens: ["a"] }, { text: "b", tokens: [] }) }),
  fc.record({ text, tokenIds: fc.array(fc.nat(9), { maxLength: 2 }) }),
  fc.record({ text, promptIds: fc.constant([1, 2]) }),
  fc.record({ text, usage: fc.constantFrom(USAGE, null, { prompt_tokens: 3 }) }),
  fc.record({ text, model: fc.constantFrom("n", '"text":"', '"choices":[{"text":"') }),
  fc.record({ text, extra: fc.constantFrom({ text: "" }, { text: "z" }, { choices: [] }, null) }),
);

const style: fc.Arbitrary<Style> = fc.record({
  textFirst: fc.boolean(),
  choicesFirst: fc.boolean(),
  colon: fc.constantFrom(":", ":", ": ", ": ", " : ", ":  "),
  comma: fc.constantFrom(",", ", "),
  ascii: fc.boolean(),
});

function withoutText(chunk: CompletionChunk): string {
  return JSON.stringify({ ...chunk, text: "" });
}

Deno.test("CompletionChunkReader reads the same with and without its fast path", () => {
  let quick = 0;
  let parsed = 0;
  const buffer = new Uint8Array(4_096);
  fc.assert(
    fc.property(fc.array(said, { maxLength: 30, size: "large" }), style, (stream, how) => {
      const fast = new CompletionChunkReader();
      const slow = new CompletionChunkReader({ parseAll: true });
      const before = new Set<string>();
      for (const one of stream) {
        const data = eventOf(one, how);
        const expected = chunkIn(slow.read(data));
        // One buffer for all events, as a connection has, spoilt between them.
        buffer.fill(0x22);
        buffer.set(data);
        const event = fast.read(buffer.subarray(0, data.length));
        assertEquals(textIn(event), expected.text);
        if (event.kind === "text") {
          quick++;
          // Nothing but the text may differ from some chunk before.
          assert(before.has(withoutText(expected)), withoutText(expected));
        } else {
          parsed++;
          assertEquals(chunkIn(event), expected);
        }
        before.add(withoutText(expected));
      }
    }),
    RUNS,
  );
  assert(quick > 300 && parsed > 300, `${quick} quick, ${parsed} parsed`);
});
