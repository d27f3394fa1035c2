import { assertEquals } from "../../support/assert.ts";
import { head, latin1, readHeads, refusalOf } from "./support/heads.ts";

type Framing = readonly [length: number | undefined, keepAlive: boolean, expects: boolean];

function framing(version: string, ...fields: readonly string[]): Framing | string | undefined {
  const { heads, refused } = readHeads([latin1(head(`POST / HTTP/${version}`, ...fields))]);
  const read = heads[0]?.framing;
  return read === undefined ? refused : [read.length, read.keepAlive, read.expects];
}

const TAKEN: readonly (readonly [version: string, fields: readonly string[], ...Framing])[] = [
  ["1.1", ["host: a"], 0, true, false],
  ["1.1", ["host:"], 0, true, false],
  ["1.0", [], 0, false, false],
  ["1.0", ["host: a"], 0, false, false],
  // The end of the body.
  ["1.1", ["host: a", "content-length: 0"], 0, true, false],
  ["1.1", ["host: a", "CONTENT-LENGTH: 5"], 5, true, false],
  ["1.1", ["host: a", "Content-Length:  007 "], 7, true, false],
  ["1.1", ["host: a", "content-length: 999999999999999"], 999_999_999_999_999, true, false],
  ["1.1", ["host: a", "transfer-encoding: chunked"], undefined, true, false],
  ["1.1", ["host: a", "Transfer-Encoding: CHUNKED"], undefined, true, false],
  ["1.0", ["content-length: 5"], 5, false, false],
  // The connection.
  ["1.1", ["host: a", "connection: close"], 0, false, false],
  ["1.1", ["host: a", "connection: Keep-Alive, Close"], 0, false, false],
  ["1.1", ["host: a", "connection: x", "connection: close"], 0, false, false],
  ["1.1", ["host: a", "connection: closed"], 0, true, false],
  ["1.1", ["host: a", "connection: keep-alive"], 0, true, false],
  ["1.0", ["connection: keep-alive"], 0, true, false],
  ["1.0", ["connection: Keep-Alive"], 0, true, false],
  ["1.0", ["connection: keep-alive", "connection: close"], 0, false, false],
  ["1.1", ["host: a", "connection: Upgrade, HTTP2-Settings", "upgrade: h2c"], 0, true, false],
  ["1.1", ["host: a", "upgrade: TLS/1.2", "connection: upgrade"], 0, true, false],
  // Expectations.
  ["1.1", ["host: a", "expect: 100-continue", "content-length: 1"], 1, true, true],
  ["1.1", ["host: a", "Expect: 100-Continue", "transfer-encoding: chunked"], undefined, true, true],
  ["1.1", ["host: a", "expect: 100-continue"], 0, true, false],
  ["1.0", ["expect: 100-continue", "content-length: 1"], 1, false, false],
  ["1.0", ["expect: tea"], 0, false, false],
  // Fields that look like those that count.
  ["1.1", ["host: a", "content_length: x", "x-content-length: 3", "hosts: b"], 0, true, false],
];

for (const [version, fields, ...expected] of TAKEN) {
  Deno.test(`RequestFields.framing() of HTTP/${version} with ${JSON.stringify(fields)}`, () => {
    assertEquals(framing(version, ...fields), expected);
  });
}

const LENGTH = "400 malformed Content-Length";
const TAB = "400 a tab beside the value of a framing field";
const LENGTHS = "400 several Content-Length fields";
const BOTH = "400 both Transfer-Encoding and Content-Length";
const CODING = "the one transfer coding understood is chunked";
const HOST = "400 the Host field is no host and port";

const REFUSED: readonly (readonly [fields: readonly string[], refused: string])[] = [
  [["content-length: +5"], LENGTH],
  [["content-length: -5"], LENGTH],
  [["content-length: 0x5"], LENGTH],
  [["content-length: 5 5"], LENGTH],
  [["content-length: 5,5"], LENGTH],
  [["content-length: 5,6"], LENGTH],
  [["content-length: 5, 5"], LENGTH],
  [["content-length: 5."], LENGTH],
  [["content-length: 1e1"], LENGTH],
  [["content-length: \xb2"], LENGTH],
  [["content-length:"], LENGTH],
  [["content-length: 5\t"], TAB],
  [["content-length:\t5"], TAB],
  [["transfer-encoding: \tchunked"], TAB],
  [["transfer-encoding: chunked \t "], TAB],
  [["content-length: 5", "content-length: 5"], LENGTHS],
  [["content-length: 5", "Content-Length: 6"], LENGTHS],
  [["content-length: 0", "content-length: 5"], LENGTHS],
  [["content-length: 9999999999999999"], "413 Content-Length is too large"],
  [["content-length: 18446744073709551617"], "413 Content-Length is too large"],
  [["content-length: 5", "transfer-encoding: chunked"], BOTH],
  [["transfer-encoding: chunked", "content-length: 0"], BOTH],
  [["transfer-encoding:"], `400 ${CODING}`],
  [["transfer-encoding: identity"], `400 ${CODING}`],
  [["transfer-encoding: xchunked"], `400 ${CODING}`],
  [["transfer-encoding: chunked, chunked"], `400 ${CODING}`],
  [["transfer-encoding: chunked", "transfer-encoding: chunked"], `400 ${CODING}`],
  [["transfer-encoding: chunked", "transfer-encoding: identity"], `400 ${CODING}`],
  [["transfer-encoding: chunked,"], `400 ${CODING}`],
  [["transfer-encoding: ,chunked"], `400 ${CODING}`],
  [["transfer-encoding: chunked;q=1"], `400 ${CODING}`],
  [['transfer-encoding: "chunked"'], `400 ${CODING}`],
  [["transfer-encoding: chunked, gzip"], `400 ${CODING}`],
  [["transfer-encoding: gzip, chunked"], `501 ${CODING}`],
  [["transfer-encoding: deflate", "transfer-encoding: chunked"], `501 ${CODING}`],
  [["expect: tea"], "417 the one expectation met is 100-continue"],
  [["expect: 100-continue, tea"], "417 the one expectation met is 100-continue"],
  [["expect: 100-continue", "expect: 100-continue"], "417 the one expectation met is 100-continue"],
];

for (const [fields, refused] of REFUSED) {
  Deno.test(`RequestFields.framing() refuses ${JSON.stringify(fields)}`, () => {
    assertEquals(refusalOf(head("POST / HTTP/1.1", "host: a", ...fields)), refused);
  });
}

const HOSTS: readonly (readonly [fields: readonly string[], refused: string])[] = [
  [[], "400 no Host field"],
  [["host: a", "host: a"], "400 several Host fields"],
  [["host: a", "Host: b"], "400 several Host fields"],
  [["host: a, b"], HOST],
  [["host: x/metrics?"], HOST],
  [["host: a b"], HOST],
  [["host: http://a"], HOST],
  [["host: u@a"], HOST],
  [["host: [::1"], HOST],
  [["host: a:b"], HOST],
];

for (const [fields, refused] of HOSTS) {
  Deno.test(`RequestFields.framing() refuses hosts ${JSON.stringify(fields)}`, () => {
    assertEquals(refusalOf(head("GET / HTTP/1.1", ...fields)), refused);
  });
}

Deno.test("RequestFields.framing() refuses two hosts and a coding in HTTP/1.0, too", () => {
  const two = head("GET / HTTP/1.0", "host: a", "host: b");
  assertEquals(refusalOf(two), "400 several Host fields");
  const coded = head("POST / HTTP/1.0", "transfer-encoding: chunked");
  assertEquals(refusalOf(coded), "400 Transfer-Encoding in an HTTP/1.0 request");
});

Deno.test("RequestFields.framing() forgets the request before", () => {
  const first = head("POST / HTTP/1.1", "host: a", "content-length: 0", "connection: close");
  const { heads } = readHeads([latin1(first + head("GET / HTTP/1.1", "host: b"))]);
  assertEquals(heads[1]?.framing, { length: 0, keepAlive: true, expects: false });
  const bad = readHeads([latin1(first + head("GET / HTTP/1.1"))]);
  assertEquals([bad.heads.length, bad.refused], [1, "400 no Host field"]);
  const other = readHeads([latin1(first + head("GET / HTTP/1.1", "host: a/b"))]);
  assertEquals([other.heads.length, other.refused], [1, HOST]);
});
