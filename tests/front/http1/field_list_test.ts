import { FieldList } from "../../../lib/front/http1/field_list.ts";
import { assertEquals } from "../../support/assert.ts";

function list(...fields: readonly (readonly [name: string, value: string])[]): FieldList {
  let text = "GET / HTTP/1.1\r\n";
  const marks: number[] = [];
  for (const [name, value] of fields) {
    const start = text.length;
    text += `${name}: ${value}\r\n`;
    const valueStart = start + name.length + 2;
    marks.push(start, start + name.length, valueStart, valueStart + value.length);
  }
  return new FieldList({ text, marks });
}

Deno.test("FieldList.get() is the value of a whole name", () => {
  const fields = list(["a", "1"], ["ab", "2"], ["b", ""], ["abc", "4"]);
  assertEquals(["a", "ab", "b", "abc", "abcd", "", "bc"].map((name) => fields.get(name)), [
    "1",
    "2",
    "",
    "4",
    undefined,
    undefined,
    undefined,
  ]);
});

Deno.test("FieldList.get() joins the values of one name", () => {
  const fields = list(["a", "1"], ["b", "x"], ["a", ""], ["a", "3, 4"]);
  assertEquals(fields.get("a"), "1, , 3, 4");
});

Deno.test("FieldList is iterated in order, any number of times", () => {
  const fields = [["a", "1"], ["b", "2"], ["a", "3"]] as const;
  const all = list(...fields);
  assertEquals([...all], [...fields]);
  assertEquals([...all], [...fields]);
  assertEquals([...list()], []);
});
