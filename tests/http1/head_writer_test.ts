import { decodeUtf8, encodeUtf8 } from "../../lib/base/mod.ts";
import { TOKEN, VALUE } from "../../lib/http1/chars.ts";
import { HeadWriter } from "../../lib/http1/head_writer.ts";
import { assertEquals, assertThrows } from "../support/assert.ts";

function written(write: (writer: HeadWriter) => void): string {
  const writer = new HeadWriter(new Uint8Array(64));
  write(writer);
  return decodeUtf8(writer.bytes.subarray(0, writer.at));
}

Deno.test("HeadWriter appends texts, numbers and bytes", () => {
  const text = written((writer) => {
    assertEquals(writer.text("x-a", TOKEN), true);
    writer.literal(": ");
    assertEquals(writer.text("b c\t!", VALUE), true);
    writer.copy(encodeUtf8("|"));
    writer.number(42);
  });
  assertEquals(text, "x-a: b c\t!|42");
});

Deno.test("HeadWriter.number() writes every digit", () => {
  const values = [0, 1, 9, 10, 11, 99, 100, 1023, 65_536, 4_294_967_296, Number.MAX_SAFE_INTEGER];
  for (const value of values) assertEquals(written((writer) => writer.number(value)), `${value}`);
});

Deno.test("HeadWriter.text() says what cannot stand there", () => {
  for (
    const [text, kind] of [["", TOKEN], ["a b", TOKEN], ["a\r\n", VALUE], [
      "\u0100",
      VALUE,
    ]] as const
  ) {
    assertEquals(new HeadWriter(new Uint8Array(64)).text(text, kind), false);
  }
  assertEquals(new HeadWriter(new Uint8Array(64)).text("", VALUE), true);
});

Deno.test("HeadWriter.copy() throws where there is no room", () => {
  const writer = new HeadWriter(new Uint8Array(2));
  assertThrows(() => writer.copy(encodeUtf8("abc")), RangeError);
});
