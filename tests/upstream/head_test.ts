import { encodeUtf8 } from "../../lib/base/mod.ts";
import {
  HeadParser,
  MAX_FIELDS,
  MAX_HEAD_BYTES,
  type ResponseHead,
} from "../../lib/upstream/head.ts";
import { WireError } from "../../lib/http1/mod.ts";
import { ByteWindow } from "../../lib/http1/mod.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";
import { allCuts } from "../support/cuts.ts";
import { put } from "../http1/support/windows.ts";

interface Parsed {
  readonly heads: ResponseHead[];
  readonly error: string | undefined;
  /** Bytes behind the last head. */
  readonly left: number;
}

function parseAll(pieces: readonly Uint8Array[], wanted = Infinity): Parsed {
  const window = new ByteWindow(MAX_HEAD_BYTES);
  const parser = new HeadParser();
  const heads: ResponseHead[] = [];
  try {
    for (const piece of pieces) {
      put(window, piece);
      while (heads.length < wanted) {
        const head = parser.parse(window);
        if (head === undefined) break;
        heads.push(head);
      }
    }
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return { heads, error: error.message, left: window.end - window.start };
  }
  return { heads, error: undefined, left: window.end - window.start };
}

const UVICORN = "HTTP/1.1 200 OK\r\ndate: Sat, 22 Nov 2025 10:00:00 GMT\r\nserver: uvicorn\r\n" +
  "Content-Type:application/json\r\nx-empty:\r\nx-blank: \t \r\nx-inner:  a  b\t \r\n\r\n";

Deno.test("HeadParser.parse() reads status and fields, cut anywhere", () => {
  for (const { name, pieces } of allCuts(encodeUtf8(UVICORN))) {
    const { heads, error, left } = parseAll(pieces);
    assertEquals([error, left], [undefined, 0], name);
    assertEquals(heads, [{
      status: 200,
      minor: 1,
      headers: [
        ["date", "Sat, 22 Nov 2025 10:00:00 GMT"],
        ["server", "uvicorn"],
        ["Content-Type", "application/json"],
        ["x-empty", ""],
        ["x-blank", ""],
        ["x-inner", "a  b"],
      ],
    }], name);
  }
});

Deno.test("HeadParser.parse() reads one head after the other and leaves the body", () => {
  const bytes = encodeUtf8(
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" +
      "HTTP/1.0 404 Not Found\r\na: 1\r\na: 2\r\n\r\nHTTP/1.1 nonsense",
  );
  for (const { name, pieces } of allCuts(bytes)) {
    const { heads, error, left } = parseAll(pieces, 3);
    assertEquals(error, undefined, name);
    assertEquals(heads.map(({ status, minor }) => [status, minor]), [[100, 1], [103, 1], [404, 0]]);
    assertEquals(heads[2]?.headers, [["a", "1"], ["a", "2"]]);
    assertEquals(left, "HTTP/1.1 nonsense".length, name);
  }
});

Deno.test("HeadParser.parse() reads status lines without reason, and later minor versions", () => {
  const cases: [line: string, status: number, minor: number][] = [
    ["HTTP/1.1 200", 200, 1],
    ["HTTP/1.1 200 ", 200, 1],
    ["HTTP/1.1 599 a b c", 599, 1],
    ["HTTP/1.2 204 x", 204, 1],
    ["HTTP/1.0 301 \x80\xff", 301, 0],
  ];
  for (const [line, status, minor] of cases) {
    const bytes = Uint8Array.from(`${line}\r\n\r\n`, (char) => char.charCodeAt(0));
    const [head] = parseAll([bytes]).heads;
    assertEquals([head?.status, head?.minor], [status, minor], line);
  }
});

Deno.test("HeadParser.parse() keeps bytes above US-ASCII one to one", () => {
  const value = "\xe9\xff\x80\xef\xbb\xbf";
  const bytes = Uint8Array.from(
    `HTTP/1.1 200 OK\r\nx: ${value}\r\n\r\n`,
    (char) => char.charCodeAt(0),
  );
  for (const { name, pieces } of allCuts(bytes, 5)) {
    assertEquals(parseAll(pieces).heads[0]?.headers, [["x", value]], name);
  }
});

Deno.test("HeadParser.parse() refuses what is not a response head, cut anywhere", () => {
  const cases: [bytes: string, why: string][] = [
    ["SSH-2.0-OpenSSH_9.6\r\n", "not an HTTP/1 response"],
    ["HTTP/2 200 OK\r\n", "not an HTTP/1 response"],
    ["\r\nHTTP/1.1 200 OK\r\n\r\n", "not an HTTP/1 response"],
    ["http/1.1 200 OK\r\n\r\n", "not an HTTP/1 response"],
    ["HTTP/1.x 200 OK\r\n\r\n", "malformed status line"],
    ["HTTP/1.1\r\n\r\n", "malformed status line"],
    ["HTTP/1.1 \r\n\r\n", "malformed status line"],
    ["HTTP/1.1 20\r\n\r\n", "malformed status line"],
    ["HTTP/1.1 2000 OK\r\n\r\n", "malformed status line"],
    ["HTTP/1.1  200 OK\r\n\r\n", "malformed status line"],
    ["HTTP/1.1\t200 OK\r\n\r\n", "malformed status line"],
    ["HTTP/1.1 200OK\r\n\r\n", "malformed status line"],
    ["HTTP/1.1 099 OK\r\n\r\n", "malformed status line"],
    ["HTTP/1.1 600 OK\r\n\r\n", "malformed status line"],
    ["HTTP/1.1 2x0 OK\r\n\r\n", "malformed status line"],
    ["HTTP/1.1 200 OK\n\n", "line without CR LF"],
    ["HTTP/1.1 200 OK\r\na: b\n\r\n", "line without CR LF"],
    ["HTTP/1.1 200 OK\r\na: b\rc: d\r\n\r\n", "carriage return inside a header line"],
    ["HTTP/1.1 200 OK\r\na: b\r\r\n\r\n", "carriage return inside a header line"],
    ["HTTP/1.1 200 O\0K\r\n\r\n", "control character in the response head"],
    ["HTTP/1.1 200 OK\r\na: b\0\r\n\r\n", "control character in the response head"],
    ["HTTP/1.1 200 OK\r\na: \x1b[31m\r\n\r\n", "control character in the response head"],
    ["HTTP/1.1 200 OK\r\na: \x7f\r\n\r\n", "control character in the response head"],
    ["HTTP/1.1 200 OK\r\na: b\r\n folded\r\n\r\n", "folded header line"],
    ["HTTP/1.1 200 OK\r\na: b\r\n\tfolded\r\n\r\n", "folded header line"],
    ["HTTP/1.1 200 OK\r\n first: b\r\n\r\n", "folded header line"],
    ["HTTP/1.1 200 OK\r\na : b\r\n\r\n", "malformed header name"],
    ["HTTP/1.1 200 OK\r\na b: c\r\n\r\n", "malformed header name"],
    ["HTTP/1.1 200 OK\r\n: b\r\n\r\n", "malformed header name"],
    ["HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "malformed header name"],
    ["HTTP/1.1 200 OK\r\nnocolon\r\nb: c\r\n\r\n", "malformed header name"],
    ['HTTP/1.1 200 OK\r\n"a": b\r\n\r\n', "malformed header name"],
    ["HTTP/1.1 200 OK\r\n\u00e9: b\r\n\r\n", "malformed header name"],
  ];
  for (const [text, why] of cases) {
    for (const { name, pieces } of allCuts(encodeUtf8(text), 10)) {
      const { heads, error } = parseAll(pieces);
      assertEquals([heads, error], [[], why], `${JSON.stringify(text)} ${name}`);
    }
  }
});

Deno.test("HeadParser.parse() is undefined for every proper prefix of a head", () => {
  const bytes = encodeUtf8(UVICORN);
  for (let length = 0; length < bytes.length; length++) {
    const { heads, error } = parseAll([bytes.slice(0, length)]);
    assertEquals([heads.length, error], [0, undefined], `${length} bytes`);
  }
});

Deno.test("HeadParser.parse() limits the size of a head", () => {
  const frame = "HTTP/1.1 200 OK\r\na: \r\n\r\n";
  const fits = encodeUtf8(frame.replace("a: ", `a: ${"x".repeat(MAX_HEAD_BYTES - frame.length)}`));
  assertEquals(fits.length, MAX_HEAD_BYTES);
  assertEquals(parseAll([fits]).heads.length, 1);
  assertEquals(parseAll([fits.slice(0, -1), fits.slice(-1)]).heads.length, 1);
  const full = encodeUtf8("HTTP/1.1 200 OK\r\na: " + "x".repeat(MAX_HEAD_BYTES)).slice(
    0,
    MAX_HEAD_BYTES,
  );
  assertEquals(parseAll([full]).error, "response head larger than 65536 bytes");
});

Deno.test("HeadParser.parse() finds room for a head behind earlier ones", () => {
  const interim = encodeUtf8("HTTP/1.1 100 Continue\r\n\r\n");
  const long = encodeUtf8(`HTTP/1.1 200 OK\r\na: ${"x".repeat(60_000)}\r\n\r\n`);
  const half = long.length >> 1;
  const pieces = [interim, interim, long.slice(0, half), long.slice(half)];
  const { heads, error } = parseAll(pieces);
  assertEquals([heads.map(({ status }) => status), error], [[100, 100, 200], undefined]);
});

Deno.test("HeadParser.parse() limits the number of fields", () => {
  const head = (count: number): Uint8Array =>
    encodeUtf8(`HTTP/1.1 200 OK\r\n${"a: b\r\n".repeat(count)}\r\n`);
  assertEquals(parseAll([head(MAX_FIELDS)]).heads[0]?.headers.length, MAX_FIELDS);
  assertEquals(parseAll([head(MAX_FIELDS + 1)]).error, "more than 256 header fields");
});

Deno.test("HeadParser.reset() forgets a head begun", () => {
  const window = new ByteWindow(MAX_HEAD_BYTES);
  const parser = new HeadParser();
  put(window, encodeUtf8("HTTP/1.1 200 OK\r\na: b\r\nc"));
  assertEquals(parser.parse(window), undefined);
  parser.reset();
  window.start = window.end;
  put(window, encodeUtf8("HTTP/1.1 204 No\r\n\r\n"));
  const head = parser.parse(window);
  assert(head !== undefined);
  assertEquals([head.status, head.headers], [204, []]);
});

Deno.test("HeadParser.parse() throws before a line of another protocol has ended", () => {
  const window = new ByteWindow(MAX_HEAD_BYTES);
  put(window, encodeUtf8("220"));
  assertThrows(() => new HeadParser().parse(window), WireError, "not an HTTP/1 response");
});
