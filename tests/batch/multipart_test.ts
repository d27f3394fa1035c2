import { concatBytes, decodeUtf8, encodeUtf8, RouterError } from "../../lib/base/mod.ts";
import { MultipartReader } from "../../lib/batch/multipart.ts";
import { assert, assertEquals, assertRejects, assertThrows } from "../support/assert.ts";
import { allCuts } from "../support/cuts.ts";
import { piecesOf } from "./support.ts";

const TYPE = "multipart/form-data; boundary=b-1";

/** Every field of a form: name, name of a file, and value. */
async function fieldsOf(pieces: readonly Uint8Array[], type = TYPE): Promise<unknown[]> {
  const form = new MultipartReader(piecesOf(pieces), type);
  const fields: unknown[] = [];
  for (let part = await form.next(); part !== undefined; part = await form.next()) {
    const value: Uint8Array[] = [];
    for (let bytes = await part.read(); bytes !== undefined; bytes = await part.read()) {
      value.push(bytes.slice());
    }
    fields.push([part.name, part.filename, decodeUtf8(concatBytes(value))]);
    assertEquals(await part.read(), undefined);
  }
  return fields;
}

const FORM = [
  "passed over\r\n--b-1\r\n",
  'Content-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n--b-1  \r\n',
  "content-type: application/jsonl\r\n",
  'content-disposition: form-data; name="file"; filename="a \\"b\\" %22.jsonl"\r\n\r\n',
  "one\r\n--b-\r\n--b\r\r\n\r\n--b-1\r\n",
  "Content-Disposition: form-data; name=empty; filename=x\r\n\r\n\r\n--b-1--\r\nbehind",
].join("");

Deno.test("MultipartReader reads the same fields, however the form is cut", async () => {
  for (const { name, pieces } of allCuts(encodeUtf8(FORM))) {
    assertEquals(await fieldsOf(pieces), [
      ["purpose", undefined, "batch"],
      ["file", 'a "b" ".jsonl', "one\r\n--b-\r\n--b\r\r\n"],
      ["empty", "x", ""],
    ], name);
  }
});

Deno.test("MultipartReader reads what the platform writes", async () => {
  const form = new FormData();
  form.set("purpose", "batch");
  form.set("file", new Blob(["text é\r\n"]), "naïve.jsonl");
  const response = new Response(form);
  const type = response.headers.get("content-type") ?? "";
  assertEquals(await fieldsOf([await response.bytes()], type), [
    ["purpose", undefined, "batch"],
    ["file", "naïve.jsonl", "text é\r\n"],
  ]);
});

Deno.test("MultipartReader passes over what is not read", async () => {
  const form = new MultipartReader(piecesOf([encodeUtf8(FORM)]), TYPE);
  const names: string[] = [];
  for (let part = await form.next(); part !== undefined; part = await form.next()) {
    names.push(part.name);
  }
  assertEquals(names, ["purpose", "file", "empty"]);
});

Deno.test("MultipartReader refuses what is no form", async () => {
  const head = 'Content-Disposition: form-data; name="a"\r\n\r\n';
  const wrong: readonly (readonly [string, string])[] = [
    ["", "ends before"],
    ["--b-1\r\n", "ends before"],
    [`--b-1\r\n${head}value`, "ends before"],
    [`--b-1\r\n${head}value\r\n--b-1`, "ends before"],
    ["--b-1\r\nContent-Type: text/plain\r\n\r\n\r\n--b-1--", "no 'Content-Disposition"],
    [`--b-1\r\n${"x".repeat(20_000)}`, "more than 16384 bytes"],
    [`--b-1\r\n${"x".repeat(20_000)}\r\n\r\n`, "more than 16384 bytes"],
    ["x".repeat(20_000), "does not begin"],
    [`--b-1\r\n${`${head}\r\n--b-1\r\n`.repeat(40)}`, "more than 32 fields"],
  ];
  for (const [text, message] of wrong) {
    await assertRejects(() => fieldsOf([encodeUtf8(text)]), RouterError, message);
  }
  for (
    const type of [undefined, "", "text/plain", "multipart/form-data", `${TYPE}${"y".repeat(80)}`]
  ) {
    assertThrows(() => new MultipartReader(piecesOf([]), type), RouterError);
  }
});

Deno.test("MultipartReader holds no more than a delimiter and what came last", async () => {
  const value = "\r\n--b-".repeat(50_000);
  const text = `--b-1\r\nContent-Disposition: form-data; name="a"\r\n\r\n${value}\r\n--b-1--`;
  const bytes = encodeUtf8(text);
  const pieces = [];
  for (let at = 0; at < bytes.length; at += 1_000) pieces.push(bytes.subarray(at, at + 1_000));
  const form = new MultipartReader(piecesOf(pieces), TYPE);
  const part = await form.next();
  let [length, longest] = [0, 0];
  for (let more = await part?.read(); more !== undefined; more = await part?.read()) {
    length += more.length;
    longest = Math.max(longest, more.length);
  }
  assertEquals(length, value.length);
  assert(longest <= 1_010, String(longest));
});
