import { MAX_TARGET_BYTES, readRequestLine } from "../../../lib/front/http1/request_line.ts";
import { Refusal } from "../../../lib/front/http1/refusal.ts";
import { assertEquals, assertThrows } from "../../support/assert.ts";
import { latin1 } from "./support/heads.ts";

/** The parts of a line that stands between other bytes. */
function parts(line: string): readonly [method: string, target: string, minor: number] {
  const bytes = latin1(`xx${line}\r\nyy`);
  const read = readRequestLine(bytes, 2, 2 + line.length);
  return [
    line.slice(0, read.methodEnd),
    line.slice(read.targetStart, read.targetEnd),
    read.minor,
  ];
}

Deno.test("readRequestLine() finds method, target and version", () => {
  assertEquals(parts("GET / HTTP/1.1"), ["GET", "/", 1]);
  assertEquals(parts("PoSt /a?b=c&d;e/~(f)!$'*+,:@[]\"<>\\^`{|}% HTTP/1.0"), [
    "PoSt",
    "/a?b=c&d;e/~(f)!$'*+,:@[]\"<>\\^`{|}%",
    0,
  ]);
  assertEquals(parts("M-SEARCH * HTTP/1.1"), ["M-SEARCH", "*", 1]);
});

const MALFORMED: readonly string[] = [
  "GET",
  "GET ",
  "GET /",
  "GET / ",
  "GET /  HTTP/1.1",
  "GET  / HTTP/1.1",
  " GET / HTTP/1.1",
  "GET\t/ HTTP/1.1",
  "GET /\tHTTP/1.1",
  "GET / HTTP/1.1 ",
  "GET / HTTP/1.1x",
  "GET / HTTP/1.",
  "GET / HTTP/11",
  "GET / http/1.1",
  "GET / HTTP/1,1",
  "GET / HTTP/x.1",
  "GET / HTTPS/1.1",
  "GET / HTTP /1.1",
  "GET /a b HTTP/1.1",
  "GET /caf\xe9 HTTP/1.1",
  "GET /\x7f HTTP/1.1",
  "G(T / HTTP/1.1",
  "G\xc9T / HTTP/1.1",
  "/ HTTP/1.1",
];

for (const line of MALFORMED) {
  Deno.test(`readRequestLine() refuses ${JSON.stringify(line)}`, () => {
    const refusal = assertThrows(() => parts(line), Refusal, "malformed request line");
    assertEquals(refusal.status, 400);
  });
}

for (const version of ["0.9", "1.2", "1.9", "2.0", "3.0", "9.9"]) {
  Deno.test(`readRequestLine() does not speak HTTP/${version}`, () => {
    assertEquals(assertThrows(() => parts(`GET / HTTP/${version}`), Refusal).status, 505);
  });
}

Deno.test("readRequestLine() refuses a fragment", () => {
  const refusal = assertThrows(() => parts("GET /a#b HTTP/1.1"), Refusal, "fragment");
  assertEquals(refusal.status, 400);
});

Deno.test("readRequestLine() limits the target", () => {
  const longest = `/${"x".repeat(MAX_TARGET_BYTES - 1)}`;
  assertEquals(parts(`GET ${longest} HTTP/1.1`)[1], longest);
  assertEquals(assertThrows(() => parts(`GET ${longest}x HTTP/1.1`), Refusal).status, 414);
});
