import { parameterized } from "../../lib/http/parameters.ts";
import { assertEquals } from "../support/assert.ts";

/** What `text` is: its value, and its parameters as a record. */
function read(text: string): unknown {
  const found = parameterized(text);
  return found && [found.value, Object.fromEntries(found.parameters)];
}

Deno.test("parameterized() takes values, quotes and escapes apart", () => {
  const cases = [
    ["Form-Data", "form-data", {}],
    [' form-data ; name="a" ; FileName=b.wav', "form-data", { name: "a", filename: "b.wav" }],
    ['x; a="1;2"; b="say \\"hi\\""; c="C:\\dir\\\\f"', "x", {
      a: "1;2",
      b: 'say "hi"',
      c: "C:\\dir\\f",
    }],
    ["x;;a=;", "x", { a: "" }],
    ['x; a=""', "x", { a: "" }],
    ["multipart/form-data; boundary=a=b", "multipart/form-data", { boundary: "a=b" }],
    ["x; filename*=UTF-8''%c3%a9", "x", { "filename*": "UTF-8''%c3%a9" }],
  ] as const;
  for (const [text, value, parameters] of cases) assertEquals(read(text), [value, parameters]);
});

Deno.test("parameterized() takes nothing that could be read in several ways", () => {
  for (
    const text of [
      "x; a=1; A=2",
      "x; a",
      "x; =1",
      'x; a="1',
      'x; a="1" b',
      'x; a=1"2',
      'x; "a"=1',
      "x; a b=1",
    ]
  ) {
    assertEquals(read(text), undefined, text);
  }
});

Deno.test("parameterized() is done with long blanks and quotes at once", () => {
  for (const text of [`x;${" ".repeat(60_000)}`, `x; a="${'\\"'.repeat(60_000)}`]) {
    const began = performance.now();
    parameterized(text);
    assertEquals(performance.now() - began < 1_000, true);
  }
});
