import { decodeUtf8, encodeUtf8, RouterError } from "../../../lib/base/mod.ts";
import { type AnswerHead, encodeAnswerHead } from "../../../lib/front/http1/answer_head.ts";
import { assert, assertEquals, assertThrows } from "../../support/assert.ts";

const DATE = encodeUtf8("date: D\r\n");

function encoded(head: Partial<AnswerHead>, scratch = new Uint8Array(4096)): string {
  const writer = encodeAnswerHead({
    status: 200,
    headers: [],
    framing: "none",
    connection: undefined,
    date: DATE,
    ...head,
  }, scratch);
  return Array.from(writer.bytes.subarray(0, writer.at), (byte) => String.fromCharCode(byte))
    .join("");
}

Deno.test("encodeAnswerHead() writes status, date, fields, framing and connection", () => {
  assertEquals(
    encoded({
      status: 404,
      headers: [["Content-Type", "text/plain"], ["set-cookie", "a"], ["set-cookie", "b"]],
      framing: 12,
      connection: "close",
    }),
    "HTTP/1.1 404 Not Found\r\ndate: D\r\nContent-Type: text/plain\r\nset-cookie: a\r\n" +
      "set-cookie: b\r\ncontent-length: 12\r\nconnection: close\r\n\r\n",
  );
  assertEquals(
    encoded({ framing: "chunked", connection: "keep-alive" }),
    "HTTP/1.1 200 OK\r\ndate: D\r\ntransfer-encoding: chunked\r\nconnection: keep-alive\r\n\r\n",
  );
  assertEquals(encoded({ framing: "until-close" }), "HTTP/1.1 200 OK\r\ndate: D\r\n\r\n");
});

Deno.test("encodeAnswerHead() leaves out what is the server's to say", () => {
  const names = [
    "Connection",
    "content-length",
    "DATE",
    "keep-alive",
    "Proxy-Connection",
    "te",
    "Trailer",
    "Transfer-Encoding",
    "upgrade",
  ];
  const headers = [...names.map((name) => [name, "x"] as const), ["etag", "x"] as const];
  assertEquals(encoded({ headers }), "HTTP/1.1 200 OK\r\ndate: D\r\netag: x\r\n\r\n");
});

Deno.test("encodeAnswerHead() writes values byte by byte", () => {
  assert(encoded({ headers: [["x", "caf\xe9\t!"]] }).includes("x: caf\xe9\t!\r\n"));
});

for (
  const [name, value] of [
    ["", "x"],
    ["a b", "x"],
    ["a:", "x"],
    ["caf\xe9", "x"],
    ["a\r\nb", "x"],
    ["a", "x\r\ny: z"],
    ["a", "x\ny"],
    ["a", "x\ry"],
    ["a", "x\0"],
    ["a", "\u20ac"],
  ] as const
) {
  Deno.test(`encodeAnswerHead() refuses ${JSON.stringify([name, value])}`, () => {
    const error = assertThrows(() => encoded({ headers: [[name, value]] }), RouterError);
    assertEquals([error.code, error.message.includes(`"${value}"`)], ["internal", false]);
  });
}

Deno.test("encodeAnswerHead() takes a buffer of its own for what does not fit", () => {
  const scratch = new Uint8Array(512);
  const long = "y".repeat(20_000);
  const text = encoded({ headers: [["x", long], ["z", "1"]] }, scratch);
  assertEquals(text, `HTTP/1.1 200 OK\r\ndate: D\r\nx: ${long}\r\nz: 1\r\n\r\n`);
  assertEquals(scratch.every((byte) => byte === 0), true);
  const fits = encodeAnswerHead({
    status: 200,
    headers: [],
    framing: 1,
    connection: "keep-alive",
    date: encodeUtf8("date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"),
  }, scratch);
  assert(fits.bytes === scratch && fits.at < 256, decodeUtf8(scratch.subarray(0, fits.at)));
});
