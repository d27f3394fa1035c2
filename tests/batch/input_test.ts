import { atOnce, decodeUtf8, encodeUtf8 } from "../../lib/base/mod.ts";
import { isProblem, readingLine } from "../../lib/batch/read_line.ts";
import { linesOf } from "../../lib/batch/split_lines.ts";
import { MAX_LINES, validate, type Validated } from "../../lib/batch/validation.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { jsonl } from "../support/batches.ts";
import { CountingBreather } from "../support/counting_breather.ts";
import { allCuts } from "../support/cuts.ts";
import { piecesOf, Scene } from "./support.ts";

async function split(pieces: readonly Uint8Array[], limit = 1_000): Promise<unknown[]> {
  const found: unknown[] = [];
  for await (const { line, bytes, at } of linesOf(piecesOf(pieces), limit)) {
    found.push([line, bytes && decodeUtf8(bytes), at.start, at.end]);
  }
  return found;
}

Deno.test("linesOf() tells each line and its place, however the file is cut", async () => {
  const text = "\ufeffone\r\n\n  \ntwo é\nlast";
  for (const { name, pieces } of allCuts(encodeUtf8(text))) {
    assertEquals(await split(pieces), [
      [1, "one\r", 3, 7],
      [4, "two é", 12, 18],
      [5, "last", 19, 23],
    ], name);
  }
  assertEquals(await split([encodeUtf8("a\n")]), [[1, "a", 0, 1]]);
  assertEquals(await split([]), []);
});

Deno.test("linesOf() keeps nothing of lines that are too long", async () => {
  const text = `${"x".repeat(11)}\n${"y".repeat(10)}\n${"z".repeat(40)}`;
  for (const { name, pieces } of allCuts(encodeUtf8(text), 5)) {
    assertEquals(await split(pieces, 10), [
      [1, undefined, 0, 11],
      [2, "yyyyyyyyyy", 12, 22],
      [3, undefined, 23, 63],
    ], name);
  }
});

Deno.test("linesOf() reads lines larger than what is read at a time", async () => {
  const long = JSON.stringify({ text: "é".repeat(400_000) });
  const bytes = encodeUtf8(`${long}\n${long}`);
  const pieces = [];
  for (let at = 0; at < bytes.length; at += 65_536) pieces.push(bytes.subarray(at, at + 65_536));
  const found = await split(pieces, 2_000_000);
  assertEquals(found.map((line) => (line as unknown[])[1] === long), [true, true]);
});

const ENDPOINT = "/v1/completions";
const RIGHT = { custom_id: "a", method: "POST", url: ENDPOINT, body: { model: "m" } };

function read(line: unknown): unknown {
  const text = typeof line === "string" ? line : JSON.stringify(line);
  const bytes = encodeUtf8(text);
  const found = atOnce(readingLine(bytes, ENDPOINT));
  if (isProblem(found)) return [found.code, found.param];
  return [found.customId, decodeUtf8(bytes.subarray(found.body.start, found.body.end))];
}

Deno.test("readingLine() finds who asks, and where the body is", () => {
  assertEquals(read(RIGHT), ["a", '{"model":"m"}']);
  assertEquals(
    read(' {"body" : {"x":NaN} ,"custom_id":"\\u00e9","method":"POST","url":"/v1/completions"}\r'),
    [
      "é",
      '{"x":NaN}',
    ],
  );
  assertEquals(read({ ...RIGHT, body: { stream: false } }), ["a", '{"stream":false}']);
});

Deno.test("readingLine() says what is wrong, and with what", () => {
  const { custom_id: _id, ...anonymous } = RIGHT;
  const rows: readonly (readonly [unknown, string, string | null])[] = [
    ["no json", "invalid_json_line", null],
    ["[1]", "invalid_json_line", null],
    ['{"custom_id":"a"', "invalid_json_line", null],
    ['{"custom_id":"\\x"}', "invalid_json_line", null],
    [`{"a":${"[".repeat(10_000)}`, "invalid_json_line", null],
    [anonymous, "missing_required_parameter", "custom_id"],
    [{ ...RIGHT, custom_id: null }, "missing_required_parameter", "custom_id"],
    [{ ...RIGHT, custom_id: 1 }, "invalid_parameter", "custom_id"],
    [{ ...RIGHT, custom_id: "" }, "invalid_parameter", "custom_id"],
    [{ ...RIGHT, custom_id: "x".repeat(513) }, "invalid_parameter", "custom_id"],
    [{ ...RIGHT, method: undefined }, "missing_required_parameter", "method"],
    [{ ...RIGHT, method: "GET" }, "invalid_method", "method"],
    [{ ...RIGHT, url: undefined }, "missing_required_parameter", "url"],
    [{ ...RIGHT, url: "/v1/embeddings" }, "url_mismatch", "url"],
    [{ ...RIGHT, body: undefined }, "missing_required_parameter", "body"],
    [{ ...RIGHT, body: null }, "missing_required_parameter", "body"],
    [{ ...RIGHT, body: "text" }, "invalid_parameter", "body"],
    [{ ...RIGHT, body: { stream: true } }, "stream_not_supported", "body.stream"],
    [{ ...RIGHT, body: { stream: "yes" } }, "stream_not_supported", "body.stream"],
  ];
  for (const [line, code, param] of rows) {
    assertEquals(read(line), [code, param], JSON.stringify(line).slice(0, 100));
  }
});

async function validated(text: string, wanted = (): boolean => true): Promise<Validated> {
  await using scene = new Scene();
  const batch = await scene.batch(1);
  scene.disk.files.set(batch.inputFileId, encodeUtf8(text));
  const { disk, lines } = scene;
  const options = { disk, lines, breather: new CountingBreather(), maxLineBytes: 1_000 };
  const found = await validate(options, batch, wanted);
  if (found.kind !== "valid") return found;
  // Where each body is told to be, it is.
  const bytes = encodeUtf8(text);
  for (const { body, line } of lines.unsettled(batch.seq, 0, found.total + 1)) {
    assert(decodeUtf8(bytes.subarray(body.start, body.end)).startsWith(`{"n":${line}`));
  }
  // Once more, as after a process that ended meanwhile.
  assertEquals(await validate(options, batch, wanted), found);
  return found;
}

Deno.test("validate() puts every line into the table, once", async () => {
  const bodies = Array.from({ length: 450 }, (_, index) => ({ n: index + 1 }));
  assertEquals(await validated(jsonl(bodies)), { kind: "valid", total: 450 });
});

Deno.test("validate() tells problems by line", async () => {
  const good = jsonl([{ n: 1 }, { n: 2 }]);
  const found = await validated(`${good}\nno\n${"x".repeat(2_000)}\n${good}`);
  assert(found.kind === "invalid");
  assertEquals(found.problems.map(({ code, line }) => [code, line]), [
    ["invalid_json_line", 4],
    ["line_too_long", 5],
    ["duplicate_custom_id", 6],
    ["duplicate_custom_id", 7],
  ]);
  const empty = await validated("\n \n");
  assert(empty.kind === "invalid");
  assertEquals(empty.problems.map(({ code, line }) => [code, line]), [["empty_file", null]]);
  const many = await validated("x\n".repeat(1_000));
  assert(many.kind === "invalid");
  assertEquals(many.problems.length, 100);
});

Deno.test("validate() refuses more lines than a batch may have", async () => {
  const found = await validated(jsonl(Array(MAX_LINES + 1).fill({})));
  assert(found.kind === "invalid");
  assertEquals(found.problems.map(({ code }) => code), ["too_many_tasks"]);
});

Deno.test("validate() stops where it is not wanted any more", async () => {
  let lines = 0;
  assertEquals(await validated(jsonl([{}, {}, {}]), () => ++lines < 2), { kind: "left" });
});

Deno.test("validate() says that there is no file, where there is none", async () => {
  await using scene = new Scene();
  const batch = await scene.batch(1);
  scene.disk.files.clear();
  const { disk, lines } = scene;
  const breather = new CountingBreather();
  const found = await validate({ disk, lines, breather, maxLineBytes: 1 }, batch, () => true);
  assert(found.kind === "invalid");
  assertEquals(found.problems.map(({ code }) => code), ["file_unreadable"]);
});
