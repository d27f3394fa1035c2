import { concatBytes, decodeUtf8, encodeUtf8, RouterError } from "../../lib/base/mod.ts";
import { type HeaderField, parseOrigin, type UpstreamRequest } from "../../lib/upstream/mod.ts";
import { encodeRequest } from "../../lib/upstream/request_head.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";

const ORIGIN = parseOrigin("http://10.0.0.1:8000");

function request(part: Partial<UpstreamRequest> = {}): UpstreamRequest {
  return {
    method: "POST",
    url: ORIGIN.url,
    path: "/v1/completions",
    headers: [],
    connectTimeoutMs: 1,
    headTimeoutMs: 1,
    idleTimeoutMs: 1,
    ...part,
  };
}

function encoded(part: Partial<UpstreamRequest> = {}, origin = ORIGIN): string {
  const { first, rest } = encodeRequest(origin, request(part), new Uint8Array(1024));
  return decodeUtf8(concatBytes([first, ...rest]));
}

Deno.test("encodeRequest() writes head and body", () => {
  const headers: HeaderField[] = [["content-type", "application/json"], ["X-Request-Id", "r 1"]];
  assertEquals(
    encoded({ headers, body: [encodeUtf8('{"a":'), encodeUtf8("1}")] }),
    "POST /v1/completions HTTP/1.1\r\nhost: 10.0.0.1:8000\r\ncontent-type: application/json\r\n" +
      'X-Request-Id: r 1\r\ncontent-length: 7\r\n\r\n{"a":1}',
  );
});

Deno.test("encodeRequest() puts the base path in front and names IPv6 hosts in brackets", () => {
  assertEquals(
    encoded({ method: "GET", path: "/x?a=b%20c" }, parseOrigin("https://[::1]:9/base/")),
    "GET /base/x?a=b%20c HTTP/1.1\r\nhost: [::1]:9\r\n\r\n",
  );
});

Deno.test("encodeRequest() states a length where content is expected or given", () => {
  const cases: [method: string, body: Uint8Array[] | undefined, length: string | undefined][] = [
    ["POST", undefined, "0"],
    ["PUT", undefined, "0"],
    ["PATCH", undefined, "0"],
    ["GET", undefined, undefined],
    ["HEAD", undefined, undefined],
    ["DELETE", undefined, undefined],
    ["GET", [], "0"],
    ["DELETE", [Uint8Array.of(1, 2)], "2"],
  ];
  for (const [method, body, length] of cases) {
    const text = encoded(body === undefined ? { method } : { method, body });
    assertEquals(/content-length: (\d+)/.exec(text)?.[1], length, `${method} ${length}`);
  }
});

Deno.test("encodeRequest() sends characters up to U+00FF as one byte each", () => {
  const { first } = encodeRequest(
    ORIGIN,
    request({ method: "GET", headers: [["x", "\xe9\xff"]] }),
    new Uint8Array(1024),
  );
  const at = decodeUtf8(first).indexOf("x: ") + 3;
  assertEquals([...first.subarray(at, at + 2)], [0xe9, 0xff]);
});

Deno.test("encodeRequest() refuses what would change the message", () => {
  const cases: [part: Partial<UpstreamRequest>, what: string][] = [
    [{ headers: [["x", "a\r\nb: c"]] }, 'value of header "x"'],
    [{ headers: [["x", "a\n"]] }, 'value of header "x"'],
    [{ headers: [["x", "a\r"]] }, 'value of header "x"'],
    [{ headers: [["x", "a\0"]] }, 'value of header "x"'],
    [{ headers: [["x", "\x7f"]] }, 'value of header "x"'],
    [{ headers: [["x", "\u0100"]] }, 'value of header "x"'],
    [{ headers: [["x", "\u{1f600}"]] }, 'value of header "x"'],
    [{ headers: [["x y", "a"]] }, 'header name "x y"'],
    [{ headers: [["x:", "a"]] }, 'header name "x:"'],
    [{ headers: [["x\r\ny", "a"]] }, 'header name "x\\r\\ny"'],
    [{ headers: [["\xe9", "a"]] }, "header name"],
    [{ method: "GET /a" }, 'method "GET /a"'],
    [{ method: "" }, 'method ""'],
    [{ method: "CONNECT" }, 'method "CONNECT"'],
    [{ path: "" }, 'path ""'],
    [{ path: "v1" }, 'path "v1"'],
    [{ path: "http://other/" }, 'path "http://other/"'],
    [{ path: "/a b" }, 'path "/a b"'],
    [{ path: "/a\r\n" }, "path"],
    [{ path: "/\xe9" }, "path"],
  ];
  for (const [part, what] of cases) {
    const error = assertThrows(() => encoded(part), RouterError, what);
    assertEquals(error.code, "bad-request", what);
  }
});

Deno.test("encodeRequest() does not repeat a refused value", () => {
  const headers: HeaderField[] = [["authorization", "Bearer secret\n"]];
  const error = assertThrows(() => encoded({ headers }), RouterError, "authorization");
  assert(!error.message.includes("secret"));
});

Deno.test("encodeRequest() refuses an empty header name", () => {
  assertThrows(() => encoded({ headers: [["", "a"]] }), RouterError, 'header name ""');
});

Deno.test("encodeRequest() refuses the connection's own fields", () => {
  for (
    const name of ["Host", "content-length", "Transfer-Encoding", "connection", "te", "Expect"]
  ) {
    const error = assertThrows(() => encoded({ headers: [[name, "1"]] }), RouterError, name);
    assertEquals(error.code, "internal", name);
  }
});

Deno.test("encodeRequest() has a small body in the first write, in the scratch buffer", () => {
  const scratch = new Uint8Array(512);
  const { first, rest } = encodeRequest(ORIGIN, request({ body: [new Uint8Array(100)] }), scratch);
  assertEquals([first.buffer === scratch.buffer, rest.length], [true, 0]);
});

Deno.test("encodeRequest() leaves parts that do not fit uncopied, and what follows them", () => {
  const [small, large, last] = [Uint8Array.of(1), new Uint8Array(5000), Uint8Array.of(2)];
  const body = [small, large, last];
  const { first, rest } = encodeRequest(ORIGIN, request({ body }), new Uint8Array(512));
  assertEquals(first.at(-1), 1);
  assertEquals(rest.length, 2);
  assert(rest[0] === large && rest[1] === last);
});

Deno.test("encodeRequest() fits a part that fills the scratch buffer to the last byte", () => {
  const head = encodeRequest(ORIGIN, request({ body: [] }), new Uint8Array(512)).first.length;
  const room = 512 - head - 2; // The length has three digits in place of one.
  const { first, rest } = encodeRequest(
    ORIGIN,
    request({ body: [new Uint8Array(room)] }),
    new Uint8Array(512),
  );
  assertEquals([first.length, rest.length], [512, 0]);
  const beyond = [new Uint8Array(room + 1)];
  assertEquals(encodeRequest(ORIGIN, request({ body: beyond }), new Uint8Array(512)).rest, beyond);
});

Deno.test("encodeRequest() makes a buffer for a head larger than the scratch buffer", () => {
  const scratch = new Uint8Array(512);
  const headers: HeaderField[] = [["x", "v".repeat(2000)]];
  const { first } = encodeRequest(ORIGIN, request({ headers, body: [Uint8Array.of(65)] }), scratch);
  assert(first.buffer !== scratch.buffer);
  assert(decodeUtf8(first).endsWith(`x: ${"v".repeat(2000)}\r\ncontent-length: 1\r\n\r\nA`));
});
