import { decodeUtf8, encodeUtf8 } from "../../../lib/base/mod.ts";
import { WatchLines } from "../../../lib/discovery/kubernetes/watch_lines.ts";
import { assertEquals, assertThrows } from "../../support/assert.ts";
import { allCuts } from "../../support/cuts.ts";

function read(pieces: readonly Uint8Array[], limit = 64): readonly string[] {
  const lines = new WatchLines(limit);
  return pieces.flatMap((piece) => lines.push(piece).map((line) => decodeUtf8(line)).toArray());
}

Deno.test("push() gives the same lines however the bytes are cut", () => {
  const bytes = encodeUtf8('{"a":"é"}\n\n{"b":2}\n{"c":"' + "x".repeat(50) + '"}\nrest');
  for (const { name, pieces } of allCuts(bytes)) {
    const expected = ['{"a":"é"}', '{"b":2}', `{"c":"${"x".repeat(50)}"}`];
    assertEquals(read(pieces), expected, name);
  }
});

Deno.test("push() refuses a line beyond the limit, complete or not", () => {
  for (const text of ["x".repeat(65), `${"x".repeat(65)}\n`]) {
    for (const { pieces } of allCuts(encodeUtf8(text), 5)) {
      assertThrows(() => read(pieces), Error, "longer than 64 bytes");
    }
  }
  assertEquals(read([encodeUtf8(`${"x".repeat(64)}\n`)]).length, 1);
});
