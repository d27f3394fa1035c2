import type { HeaderField } from "../../lib/upstream/mod.ts";
import { findField, type Framing, responseFraming } from "../../lib/upstream/framing.ts";
import { WireError } from "../../lib/http1/mod.ts";
import { assertEquals, assertThrows } from "../support/assert.ts";

const CHUNKED: HeaderField = ["Transfer-Encoding", "chunked"];

function framing(
  headers: readonly HeaderField[],
  { method = "POST", status = 200, minor = 1 }: {
    method?: string;
    status?: number;
    minor?: 0 | 1;
  } = {},
): { framing: Framing; keepAlive: boolean } {
  return responseFraming(method, { status, minor, headers });
}

Deno.test("responseFraming() follows Content-Length and Transfer-Encoding", () => {
  const cases: [headers: HeaderField[], framing: Framing, keepAlive: boolean][] = [
    [[["content-length", "12"]], { kind: "length", length: 12 }, true],
    [[["CONTENT-LENGTH", "0"]], { kind: "length", length: 0 }, true],
    [[["content-length", "007"]], { kind: "length", length: 7 }, true],
    [[CHUNKED], { kind: "chunked" }, true],
    [[["transfer-encoding", "Chunked"]], { kind: "chunked" }, true],
    [[], { kind: "until-close" }, false],
    [[["content-type", "text/plain"]], { kind: "until-close" }, false],
  ];
  for (const [headers, expected, keepAlive] of cases) {
    assertEquals(framing(headers), { framing: expected, keepAlive }, JSON.stringify(headers));
  }
});

Deno.test("responseFraming() takes equal lengths as one", () => {
  const length = { kind: "length" as const, length: 5 };
  assertEquals(framing([["content-length", "5"], ["Content-Length", "5"]]).framing, length);
  assertEquals(framing([["content-length", "5, 5 ,5"]]).framing, length);
});

Deno.test("responseFraming() refuses what is ambiguous or unknown", () => {
  const cases: [headers: HeaderField[], why: string][] = [
    [[["content-length", "5"], ["content-length", "6"]], "contradicting Content-Length 5 and 6"],
    [[["content-length", "5,6"]], "contradicting Content-Length 5 and 6"],
    [[["content-length", "5"], CHUNKED], "both Transfer-Encoding and Content-Length"],
    [[["content-length", "+5"]], "malformed Content-Length"],
    [[["content-length", "-1"]], "malformed Content-Length"],
    [[["content-length", "0x5"]], "malformed Content-Length"],
    [[["content-length", "5 5"]], "malformed Content-Length"],
    [[["content-length", "5,"]], "malformed Content-Length"],
    [[["content-length", ""]], "malformed Content-Length"],
    [[["content-length", "1e3"]], "malformed Content-Length"],
    [[["content-length", "9007199254740992"]], "malformed Content-Length"],
    [[["content-length", "00000000000000005"]], "malformed Content-Length"],
    [[["transfer-encoding", "gzip"]], 'unknown transfer coding "gzip"'],
    [[["transfer-encoding", "gzip, chunked"]], "unknown transfer coding"],
    [[["transfer-encoding", "chunked, identity"]], "unknown transfer coding"],
    [[CHUNKED, CHUNKED], 'unknown transfer coding "chunked,chunked"'],
    [[["transfer-encoding", ""]], "unknown transfer coding"],
  ];
  for (const [headers, why] of cases) {
    assertThrows(() => framing(headers), WireError, why);
  }
  assertThrows(() => framing([CHUNKED], { minor: 0 }), WireError, "HTTP/1.0");
});

Deno.test("responseFraming() has no body after HEAD and with 204 and 304", () => {
  const none = { framing: { kind: "length" as const, length: 0 }, keepAlive: true };
  assertEquals(framing([["content-length", "12"]], { method: "HEAD" }), none);
  assertEquals(framing([CHUNKED], { method: "HEAD" }), none);
  assertEquals(framing([["content-length", "12"]], { status: 304 }), none);
  assertEquals(framing([], { status: 204 }), none);
  assertEquals(framing([["connection", "close"]], { status: 204 }).keepAlive, false);
});

Deno.test("responseFraming() keeps alive unless told or HTTP/1.0", () => {
  const length: HeaderField = ["content-length", "1"];
  assertEquals(framing([length, ["connection", "keep-alive"]]).keepAlive, true);
  assertEquals(framing([length, ["Connection", "Close"]]).keepAlive, false);
  assertEquals(framing([length, ["connection", "x-a, close"]]).keepAlive, false);
  assertEquals(framing([length, ["connection", "x-a"], ["connection", "close"]]).keepAlive, false);
  assertEquals(framing([length, ["connection", "closed"]]).keepAlive, true);
  assertEquals(framing([length, ["connection", "keep-alive"]], { minor: 0 }).keepAlive, false);
});

Deno.test("findField() is the first value of a name in any case", () => {
  const headers: HeaderField[] = [["X-A", "1"], ["x-a", "2"]];
  assertEquals(findField(headers, "x-a"), "1");
  assertEquals(findField(headers, "x-b"), undefined);
});
