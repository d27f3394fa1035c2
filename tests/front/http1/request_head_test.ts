import { encodeUtf8 } from "../../../lib/base/mod.ts";
import {
  MAX_EMPTY_LINES,
  MAX_FIELDS,
  MAX_HEAD_BYTES,
} from "../../../lib/front/http1/request_head.ts";
import { assert, assertEquals } from "../../support/assert.ts";
import { allCuts } from "../../support/cuts.ts";
import { head, latin1, readHeads, refusalOf } from "./support/heads.ts";

const FULL = head(
  "POST /v1/completions?a=%20b&c HTTP/1.1",
  "Host: router.example:8000",
  "User-Agent:test/1 (x)",
  "X-Empty:",
  "x-blank: \t ",
  "x-inner:  a  b\t ",
  "Cookie: a",
  "cookie: b",
  "X-High: caf\xe9",
  "Content-Length: 12",
);

Deno.test("RequestHeadReader.read() reads line and fields, cut anywhere", () => {
  for (const { name, pieces } of allCuts(latin1(FULL + "hello, world"))) {
    const { heads, refused, left } = readHeads(pieces, 1);
    assertEquals([refused, heads.length, left], [undefined, 1, 12], name);
    const [read] = heads;
    assertEquals([read?.method, read?.target, read?.minor], [
      "POST",
      "/v1/completions?a=%20b&c",
      1,
    ], name);
    assertEquals(read?.framing, { length: 12, keepAlive: true, expects: false }, name);
    assertEquals([...read?.headers ?? []], [
      ["host", "router.example:8000"],
      ["user-agent", "test/1 (x)"],
      ["x-empty", ""],
      ["x-blank", ""],
      ["x-inner", "a  b"],
      ["cookie", "a"],
      ["cookie", "b"],
      ["x-high", "caf\xe9"],
      ["content-length", "12"],
    ], name);
  }
});

Deno.test("RequestHeadReader.read() reads one head after the other, cut anywhere", () => {
  const bytes = encodeUtf8(
    head("GET /a HTTP/1.1", "host: a", "connection: close") +
      "\r\n\r\n" + head("GET /b HTTP/1.0") + "\r\n" +
      head("OPTIONS * HTTP/1.1", "host: b", "transfer-encoding: Chunked") + "5\r\n",
  );
  for (const { name, pieces } of allCuts(bytes)) {
    const { heads, refused, left } = readHeads(pieces, 3);
    assertEquals([refused, left], [undefined, 3], name);
    assertEquals(heads.map(({ target, minor, framing }) => [target, minor, framing]), [
      ["/a", 1, { length: 0, keepAlive: false, expects: false }],
      ["/b", 0, { length: 0, keepAlive: false, expects: false }],
      ["*", 1, { length: undefined, keepAlive: true, expects: false }],
    ], name);
  }
});

Deno.test("RequestHeadReader.read() skips a few empty lines, and no more", () => {
  const good = head("GET / HTTP/1.1", "host: a");
  const few = "\r\n".repeat(MAX_EMPTY_LINES);
  for (const { name, pieces } of allCuts(encodeUtf8(few + good + few + good), 20)) {
    assertEquals(readHeads(pieces).heads.length, 2, name);
  }
  assertEquals(refusalOf(`\r\n${few}${good}`), "400 too many empty lines before a request");
  assertEquals(refusalOf(`\n${good}`), "400 line without CR LF");
  assertEquals(refusalOf(`\r${good}`), "400 carriage return inside a header line");
  assertEquals(readHeads([encodeUtf8("\r\n\r")]).left, 1);
});

/** Heads that are refused, with what is told. */
const REFUSED: readonly (readonly [text: string, refused: string])[] = [
  // Lines.
  [head("GET / HTTP/1.1", "host: a", " folded"), "400 folded header line"],
  [head("GET / HTTP/1.1", "host: a", "\tfolded"), "400 folded header line"],
  [head("GET / HTTP/1.1", " host: a"), "400 folded header line"],
  ["GET / HTTP/1.1\nhost: a\r\n\r\n", "400 line without CR LF"],
  ["GET / HTTP/1.1\r\nhost: a\n\r\n", "400 line without CR LF"],
  ["GET / HTTP/1.1\r\nhost: a\r\n\n", "400 line without CR LF"],
  ["GET / HTTP/1.1\r\nhost: a\rb: c\r\n\r\n", "400 carriage return inside a header line"],
  ["GET / HTTP/1.1\r\nhost: a\r\r\n\r\n", "400 carriage return inside a header line"],
  ["GET / HTTP/1.1\r\nhost: a\r\n\rX", "400 carriage return inside a header line"],
  // Names and values.
  [head("GET / HTTP/1.1", "host : a"), "400 malformed header name"],
  [head("GET / HTTP/1.1", "host\t: a"), "400 malformed header name"],
  [head("GET / HTTP/1.1", "host: a", ": b"), "400 malformed header name"],
  [head("GET / HTTP/1.1", "host: a", "x(y): b"), "400 malformed header name"],
  [head("GET / HTTP/1.1", "host: a", "caf\xe9: b"), "400 malformed header name"],
  [head("GET / HTTP/1.1", "host: a", "no colon"), "400 malformed header name"],
  [head("GET / HTTP/1.1", "host: a", "x: a\0b"), "400 control character in the request head"],
  [head("GET / HTTP/1.1", "host: a", "x: a\x7fb"), "400 control character in the request head"],
  [head("GET / HTTP/1.1", "host: a", "x: a\x0bb"), "400 control character in the request head"],
];

for (const [text, refused] of REFUSED) {
  Deno.test(`RequestHeadReader.read() refuses ${JSON.stringify(text)}, cut anywhere`, () => {
    for (const { name, pieces } of allCuts(latin1(text), 10)) {
      assertEquals(readHeads(pieces).refused, refused, name);
    }
  });
}

Deno.test("RequestHeadReader.read() refuses other protocols by their first bytes", () => {
  const hello = Uint8Array.of(0x16, 0x03, 0x01, 0x02, 0x00);
  assertEquals(readHeads([hello]).refused, "400 control character in the request head");
  const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  assertEquals(refusalOf(preface), "505 the server speaks HTTP/1.1 and HTTP/1.0");
});

Deno.test("RequestHeadReader.read() limits the head", () => {
  const frame = head("GET / HTTP/1.1", "host: a", "x: ");
  const fits = frame.replace("x: ", `x: ${"y".repeat(MAX_HEAD_BYTES - frame.length)}`);
  assertEquals(refusalOf(fits), undefined);
  const { refused } = readHeads([encodeUtf8(fits.slice(0, -2) + "zz")]);
  assertEquals(refused, `431 request head larger than ${MAX_HEAD_BYTES} bytes`);
});

Deno.test("RequestHeadReader.read() limits the fields", () => {
  const fields = Array.from({ length: MAX_FIELDS - 1 }, (_, index) => `x-${index}: ${index}`);
  const most = head("GET / HTTP/1.1", "host: a", ...fields);
  assertEquals(readHeads([encodeUtf8(most)]).heads.length, 1);
  const more = head("GET / HTTP/1.1", "host: a", ...fields, "y: z");
  assertEquals(refusalOf(more), `431 more than ${MAX_FIELDS} header fields`);
});

Deno.test("RequestHeadReader.read() refuses a line that has become too long to end well", () => {
  const { refused } = readHeads([encodeUtf8(`GET /${"x".repeat(33 * 1024)}`)]);
  assertEquals(refused, "414 the target is longer than 32768 bytes");
  assert(readHeads([encodeUtf8(`GET /${"x".repeat(32 * 1024)}`)]).refused === undefined);
});

Deno.test("RequestHeadReader.read() refuses a line that is too long alike at every cut", () => {
  for (const length of [16_440, 16_446, 16_447, 16_448, 16_449, 16_460]) {
    const line = `${"M".repeat(length - " / HTTP/1.1".length)} / HTTP/1.1\r\nhost: a\r\n\r\n`;
    const whole = readHeads([encodeUtf8(line)]).refused;
    for (const at of [length - 1, length, length + 1, length + 2]) {
      const pieces = [encodeUtf8(line.slice(0, at)), encodeUtf8(line.slice(at))];
      assertEquals(readHeads(pieces).refused, whole, `${length} bytes, cut at ${at}`);
    }
  }
});
