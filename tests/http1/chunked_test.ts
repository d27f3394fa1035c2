import { decodeUtf8, encodeUtf8, seededRandom } from "../../lib/base/mod.ts";
import {
  ChunkedBody,
  MAX_EXTENSION_BYTES,
  MAX_EXTENSIONS_BYTES,
  MAX_SIZE_DIGITS,
  MAX_TRAILER_BYTES,
} from "../../lib/http1/chunked.ts";
import { WireError } from "../../lib/http1/wire_error.ts";
import { ByteWindow } from "../../lib/http1/window.ts";
import { assertEquals, assertThrows } from "../support/assert.ts";
import { allCuts } from "../support/cuts.ts";
import { decode, put } from "./support/windows.ts";

function chunk(data: string, extension = ""): string {
  return `${encodeUtf8(data).length.toString(16)}${extension}\r\n${data}\r\n`;
}

Deno.test("ChunkedBody takes data, extensions and trailers apart, cut anywhere", () => {
  const text = chunk('data: {"a":1}\n\n') + chunk("x", ";name=value") + chunk("é…", ' ; q="a b"') +
    "00A\r\n0123456789\r\n" + "b  \r\n0123456789a\r\n" +
    "000;last\r\nx-checksum: 1\r\nx-b: 2\r\n\r\nHTTP/1.1";
  for (const { name, pieces } of allCuts(encodeUtf8(text))) {
    const { data, error, done, left } = decode(new ChunkedBody(), pieces, true);
    assertEquals(
      [decodeUtf8(data), error, done, left],
      ['data: {"a":1}\n\nxé…01234567890123456789a', undefined, true, 8],
      name,
    );
  }
});

Deno.test("ChunkedBody of no chunk is empty", () => {
  for (const { name, pieces } of allCuts(encodeUtf8("0\r\n\r\n"), 5)) {
    const { data, error, done } = decode(new ChunkedBody(), pieces, true);
    assertEquals([data.length, error, done], [0, undefined, true], name);
  }
});

Deno.test("ChunkedBody hands chunks that arrived together out in one view", () => {
  const text = "abc".split("").map((letter) => chunk(letter.repeat(200))).join("") + "0\r\n\r\n";
  const { data, views, done } = decode(new ChunkedBody(), [encodeUtf8(text)]);
  assertEquals([decodeUtf8(data), views, done], [
    "a".repeat(200) + "b".repeat(200) + "c".repeat(200),
    1,
    true,
  ]);
});

Deno.test("ChunkedBody does not move a single chunk", () => {
  const window = new ByteWindow(1024);
  put(window, encodeUtf8(chunk("hello")));
  const view = new ChunkedBody().take(window);
  assertEquals([view?.byteOffset, view?.length], [3, 5]);
});

Deno.test("ChunkedBody does not move large chunks, and takes them in order", () => {
  const text = chunk("a".repeat(10)) + chunk("b".repeat(10_000)) + chunk("c".repeat(10)) +
    "0\r\n\r\n";
  const { data, views, done, error } = decode(new ChunkedBody(), [encodeUtf8(text)]);
  assertEquals([views, done, error], [2, true, undefined]);
  assertEquals(decodeUtf8(data), "a".repeat(10) + "b".repeat(10_000) + "c".repeat(10));
});

Deno.test("ChunkedBody restores random data in random chunks at random cuts", () => {
  for (let seed = 1; seed <= 30; seed++) {
    const random = seededRandom(seed);
    const data = Uint8Array.from({ length: 5000 }, () => random.next() * 256);
    const wire: number[] = [];
    for (let at = 0; at < data.length;) {
      const size = Math.min(1 + Math.floor(random.next() * 400), data.length - at);
      wire.push(...encodeUtf8(`${size.toString(16)}\r\n`), ...data.slice(at, at + size), 13, 10);
      at += size;
    }
    wire.push(...encodeUtf8("0\r\n\r\n"));
    const pieces: Uint8Array[] = [];
    for (let at = 0; at < wire.length;) {
      const size = 1 + Math.floor(random.next() * 900);
      pieces.push(Uint8Array.from(wire.slice(at, at + size)));
      at += size;
    }
    const decoded = decode(new ChunkedBody(), pieces, true);
    assertEquals([decoded.error, decoded.done], [undefined, true], `seed ${seed}`);
    assertEquals(decoded.data, data, `seed ${seed}`);
  }
});

Deno.test("ChunkedBody refuses malformed framing, cut anywhere, after the data before it", () => {
  const good = chunk("good");
  const cases: [text: string, data: string, why: string][] = [
    ["\r\n", "", "malformed chunk size"],
    ["x\r\n", "", "malformed chunk size"],
    [" 4\r\nabcd\r\n", "", "malformed chunk size"],
    ["-4\r\nabcd\r\n", "", "malformed chunk size"],
    ["0x4\r\nabcd\r\n", "", "malformed chunk size"],
    [";a\r\n", "", "malformed chunk size"],
    ["4 4\r\nabcd\r\n", "", "malformed chunk size"],
    ["4\n", "", "malformed chunk size"],
    ["4\rabcd\r\n", "", "chunk size without CR LF"],
    ["4;a\n", "", "control character in a chunk extension"],
    ["4;a\0\r\n", "", "control character in a chunk extension"],
    [good + "4\r\nabcde\r\n", "goodabcd", "chunk longer than its size"],
    [good + "4\r\nabcd\n", "goodabcd", "chunk longer than its size"],
    [good + "4\r\nabcd\rx", "goodabcd", "chunk without CR LF"],
    [good + "G\r\n", "good", "malformed chunk size"],
    [good + "0\r\n\rx", "good", "trailer without CR LF"],
    [good + "0\r\na: b\rc", "good", "trailer without CR LF"],
    [good + "0\r\na: b\n\r\n", "good", "control character in the trailer"],
    [good + "0\r\n\n", "good", "control character in the trailer"],
    [good + "f".repeat(MAX_SIZE_DIGITS + 1), "good", "chunk size with too many digits"],
    [good + "0".repeat(MAX_SIZE_DIGITS + 1), "good", "chunk size with too many digits"],
  ];
  for (const [text, expected, why] of cases) {
    for (const { name, pieces } of allCuts(encodeUtf8(text), 10)) {
      const { data, error, done } = decode(new ChunkedBody(), pieces);
      const message = `${JSON.stringify(text)} ${name}`;
      assertEquals([decodeUtf8(data), error, done], [expected, why, false], message);
    }
  }
});

Deno.test("ChunkedBody throws the same again after a failure", () => {
  const window = new ByteWindow(64);
  const body = new ChunkedBody();
  put(window, encodeUtf8("zz"));
  assertThrows(() => body.take(window), WireError, "malformed chunk size");
  assertThrows(() => body.take(window), WireError, "malformed chunk size");
  assertThrows(() => body.end(), WireError, "cut");
});

Deno.test("ChunkedBody reads sizes up to the largest of its digits", () => {
  const window = new ByteWindow(64);
  const body = new ChunkedBody();
  put(window, encodeUtf8(`${"f".repeat(MAX_SIZE_DIGITS)}\r\nabc`));
  assertEquals(body.take(window)?.length, 3);
});

Deno.test("ChunkedBody limits an extension, anew for each chunk", () => {
  const within = chunk("a", `;${"x".repeat(MAX_EXTENSION_BYTES - 1)}`);
  const { data, error } = decode(new ChunkedBody(), [encodeUtf8(within + within)]);
  assertEquals([decodeUtf8(data), error], ["aa", undefined]);
  const beyond = `1;${"x".repeat(MAX_EXTENSION_BYTES + 1)}`;
  assertEquals(decode(new ChunkedBody(), [encodeUtf8(beyond)]).error, "chunk extension too long");
});

Deno.test("ChunkedBody limits the trailer section", () => {
  const line = "a: b\r\n";
  const within = "0\r\n" + line.repeat(Math.floor(MAX_TRAILER_BYTES / line.length) - 1) + "\r\n";
  assertEquals(decode(new ChunkedBody(), [encodeUtf8(within)]).done, true);
  const beyond = "0\r\n" + line.repeat(MAX_TRAILER_BYTES / line.length + 1);
  assertEquals(decode(new ChunkedBody(), [encodeUtf8(beyond)]).error, "trailer too long");
});

Deno.test("ChunkedBody.end() refuses every proper prefix", () => {
  const bytes = encodeUtf8(chunk("abc", ";e") + "0\r\nt: 1\r\n\r\n");
  for (let length = 0; length < bytes.length; length++) {
    const { error } = decode(new ChunkedBody(), [bytes.slice(0, length)], true);
    assertEquals(error, "body cut inside the chunked coding", `${length} bytes`);
  }
  assertEquals(decode(new ChunkedBody(), [bytes], true).error, undefined);
});

Deno.test("ChunkedBody strict takes extensions and trailers of the RFC's form, cut anywhere", () => {
  const text = chunk("a", ";x") + chunk("b", ';x=y;z="a \\" ; \\\\ =";w') + chunk("c") +
    "0;last=1\r\nx-checksum:\r\nx-b: 2 : 3\r\n\r\nPOST";
  for (const { name, pieces } of allCuts(encodeUtf8(text))) {
    const { data, error, done, left } = decode(new ChunkedBody({ strict: true }), pieces, true);
    assertEquals([decodeUtf8(data), error, done, left], ["abc", undefined, true, 4], name);
  }
});

Deno.test("ChunkedBody strict refuses what readers differ over, cut anywhere", () => {
  const cases: [text: string, why: string][] = [
    ["4 \r\nabcd\r\n", "malformed chunk size"],
    ["4\t;x\r\nabcd\r\n", "malformed chunk size"],
    ["4;\r\nabcd\r\n", "malformed chunk extension"],
    ["4; x\r\nabcd\r\n", "malformed chunk extension"],
    ["4;x \r\nabcd\r\n", "malformed chunk extension"],
    ["4;x=\r\nabcd\r\n", "malformed chunk extension"],
    ["4;x=y=z\r\nabcd\r\n", "malformed chunk extension"],
    ["4;x;;y\r\nabcd\r\n", "malformed chunk extension"],
    ['4;x="y\r\nabcd\r\n', "malformed chunk extension"],
    ['4;x="y"z\r\nabcd\r\n', "malformed chunk extension"],
    ['4;x="y\\\r\nabcd\r\n', "malformed chunk extension"],
    ["4;x\xe9\r\nabcd\r\n", "malformed chunk extension"],
    ["0\r\nno colon\r\n\r\n", "malformed trailer field"],
    ["0\r\nname\r\n\r\n", "malformed trailer field"],
    ["0\r\nname : x\r\n\r\n", "malformed trailer field"],
    ["0\r\n: x\r\n\r\n", "malformed trailer field"],
    ["0\r\na: b\r\nContent-Length: 3\r\n\r\n", "framing field in the trailer"],
    ["0\r\ntransfer-encoding:\r\n\r\n", "framing field in the trailer"],
    ["0\r\na: b\r\n folded\r\n\r\n", "malformed trailer field"],
  ];
  for (const [text, why] of cases) {
    for (const { name, pieces } of allCuts(encodeUtf8(text), 10)) {
      const { data, error, done } = decode(new ChunkedBody({ strict: true }), pieces);
      assertEquals([data.length, error, done], [0, why, false], `${JSON.stringify(text)} ${name}`);
    }
  }
});

Deno.test("ChunkedBody strict limits the extensions of all chunks together", () => {
  const each = chunk("a", `;${"x".repeat(MAX_EXTENSION_BYTES - 1)}`);
  const within = each.repeat(Math.floor(MAX_EXTENSIONS_BYTES / (MAX_EXTENSION_BYTES - 1)));
  assertEquals(decode(new ChunkedBody({ strict: true }), [encodeUtf8(within)]).error, undefined);
  const beyond = decode(new ChunkedBody({ strict: true }), [encodeUtf8(within + each)]);
  assertEquals(beyond.error, "chunk extensions too long");
  assertEquals(decode(new ChunkedBody(), [encodeUtf8(within + each)]).error, undefined);
});
