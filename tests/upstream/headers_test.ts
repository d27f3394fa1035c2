import { forwardRequestHeaders, forwardResponseHeaders } from "../../lib/upstream/mod.ts";
import { assertEquals } from "../support/assert.ts";

const HOP_BY_HOP = [
  "connection",
  "expect",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authentication-info",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
];

Deno.test("forwardRequestHeaders() keeps end-to-end fields", () => {
  const headers = new Headers([
    ["Authorization", "Bearer a"],
    ["Content-Type", "application/json"],
    ["X-Request-Id", "1"],
    ["Cookie", "a=b"],
    ["X-Two", "1"],
    ["X-Two", "2"],
  ]);
  assertEquals(forwardRequestHeaders(headers).sort(), [
    ["authorization", "Bearer a"],
    ["content-type", "application/json"],
    ["cookie", "a=b"],
    ["x-request-id", "1"],
    ["x-two", "1, 2"],
  ]);
});

Deno.test("forwardRequestHeaders() drops hop-by-hop fields, Host and Content-Length", () => {
  for (const name of [...HOP_BY_HOP, "host", "content-length"]) {
    const headers = new Headers([["x-kept", "1"], [name, "a"]]);
    assertEquals(forwardRequestHeaders(headers), [["x-kept", "1"]], name);
  }
});

Deno.test("forwardRequestHeaders() drops what Connection names", () => {
  const headers = new Headers({
    "connection": "Keep-Alive, X-Secret ,x-other",
    "x-secret": "1",
    "x-other": "2",
    "x-kept": "3",
  });
  assertEquals(forwardRequestHeaders(headers), [["x-kept", "3"]]);
});

Deno.test("forwardRequestHeaders() drops Accept-Encoding unless told to keep it", () => {
  const headers = new Headers({ "accept-encoding": "gzip" });
  assertEquals(forwardRequestHeaders(headers), []);
  assertEquals(forwardRequestHeaders(headers, { keepAcceptEncoding: true }), [
    ["accept-encoding", "gzip"],
  ]);
  headers.set("connection", "accept-encoding");
  assertEquals(forwardRequestHeaders(headers, { keepAcceptEncoding: true }), []);
});

Deno.test("forwardResponseHeaders() keeps end-to-end fields in order, each Set-Cookie too", () => {
  assertEquals(
    forwardResponseHeaders([
      ["Content-Type", "text/event-stream"],
      ["Set-Cookie", "a=1"],
      ["Content-Encoding", "gzip"],
      ["set-cookie", "b=2"],
    ]),
    [
      ["Content-Type", "text/event-stream"],
      ["Set-Cookie", "a=1"],
      ["Content-Encoding", "gzip"],
      ["set-cookie", "b=2"],
    ],
  );
});

Deno.test("forwardResponseHeaders() drops hop-by-hop fields, Date and Server", () => {
  for (const name of [...HOP_BY_HOP, "date", "server", "content-length"]) {
    const fields = [[name.toUpperCase(), "a"], ["x-kept", "1"]] as const;
    assertEquals(forwardResponseHeaders(fields), [["x-kept", "1"]], name);
  }
});

Deno.test("forwardResponseHeaders() drops what any Connection field names, before or after", () => {
  const fields = [
    ["X-Early", "1"],
    ["connection", "x-early"],
    ["x-kept", "2"],
    ["Connection", "close, X-Late"],
    ["x-late", "3"],
  ] as const;
  assertEquals(forwardResponseHeaders(fields), [["x-kept", "2"]]);
});

Deno.test("forwardResponseHeaders() keeps Content-Length when told to", () => {
  const fields = [["Content-Length", "5"]] as const;
  assertEquals(forwardResponseHeaders(fields), []);
  assertEquals(forwardResponseHeaders(fields, { keepContentLength: true }), [
    ["Content-Length", "5"],
  ]);
});
