import { concatBytes, encodeUtf8 } from "../../lib/base/mod.ts";
import {
  type ByteSource,
  HttpSyntaxError,
  MAX_BODY,
  parseHead,
  readBody,
  readHead,
} from "../../lib/sim/http_message.ts";
import { assertEquals, assertRejects, assertThrows } from "../support/assert.ts";
import { allCuts } from "../support/cuts.ts";

function source(pieces: readonly Uint8Array[]): ByteSource {
  let available = new Uint8Array(0);
  const left = [...pieces];
  return {
    get available() {
      return available;
    },
    consume(count) {
      available = available.slice(count);
    },
    fill() {
      const next = left.shift();
      if (next === undefined) return Promise.resolve(false);
      available = Uint8Array.from(concatBytes([available, next]));
      return Promise.resolve(true);
    },
  };
}

const REQUESTS = encodeUtf8(
  "POST /a?b=c HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello" +
    "POST /b HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n" +
    "3;ext=1\r\nabc\r\nA\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n" +
    "GET /c HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
);

Deno.test("readHead() and readBody() read requests the same at every cut", async () => {
  for (const { name, pieces } of allCuts(REQUESTS)) {
    const from = source(pieces);
    const seen: unknown[] = [];
    for (;;) {
      const head = await readHead(from);
      if (head === undefined) break;
      const body = new TextDecoder().decode(await readBody(from, head.body));
      seen.push([head.method, head.path, head.query, head.minorVersion, head.keepAlive, body]);
    }
    assertEquals(seen, [
      ["POST", "/a", "b=c", 1, true, "hello"],
      ["POST", "/b", "", 1, true, "abc0123456789"],
      ["GET", "/c", "", 0, true, ""],
    ], name);
  }
});

Deno.test("parseHead() joins repeated fields and trims values", () => {
  const head = parseHead(encodeUtf8("GET / HTTP/1.1\r\nX-A:  1 \r\nx-a: 2\r\nConnection: close"));
  assertEquals(head.headers.get("x-a"), "1, 2");
  assertEquals(head.keepAlive, false);
});

const BAD_HEADS: readonly (readonly [text: string, status: number])[] = [
  ["GET /\r\n", 400],
  ["GET / HTTP/2.0", 400],
  ["get / HTTP/1.1", 400],
  ["GET / HTTP/1.1\r\nno colon", 400],
  ["GET / HTTP/1.1\r\nbad name: x", 400],
  ["GET / HTTP/1.1\r\n folded: x", 400],
  ["POST / HTTP/1.1\r\ncontent-length: -1", 400],
  ["POST / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2", 400],
  ["POST / HTTP/1.1\r\ncontent-length: 1\r\ntransfer-encoding: chunked", 400],
  ["POST / HTTP/1.1\r\ntransfer-encoding: gzip", 501],
  [`POST / HTTP/1.1\r\ncontent-length: ${MAX_BODY + 1}`, 413],
];

for (const [text, status] of BAD_HEADS) {
  Deno.test(`parseHead() refuses ${JSON.stringify(text)} with ${status}`, () => {
    const error = assertThrows(() => parseHead(encodeUtf8(text)), HttpSyntaxError);
    assertEquals(error.status, status);
  });
}

Deno.test("readHead() refuses a head that never ends, or ends early", async () => {
  const long = await assertRejects(
    () => readHead(source([encodeUtf8("GET / HTTP/1.1\r\nx: " + "y".repeat(70_000))])),
    HttpSyntaxError,
  );
  assertEquals(long.status, 431);
  await assertRejects(() => readHead(source([encodeUtf8("GET / HT")])), HttpSyntaxError, "inside");
  assertEquals(await readHead(source([])), undefined);
});

for (
  const body of ["zz\r\n", "3\r\nabcX\r\n", "3\r\nab", "3\nabc", "ffffffff\r\n", "3 3\r\nabc\r\n"]
) {
  Deno.test(`readBody() refuses the chunked body ${JSON.stringify(body)}`, async () => {
    await assertRejects(
      () => readBody(source([encodeUtf8(body)]), { kind: "chunked" }),
      HttpSyntaxError,
    );
  });
}

Deno.test("readBody() refuses a body cut short", async () => {
  const cut = source([encodeUtf8("abc")]);
  await assertRejects(
    () => readBody(cut, { kind: "length", bytes: 4 }),
    HttpSyntaxError,
    "inside a body",
  );
});
