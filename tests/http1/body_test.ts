import { decodeUtf8, encodeUtf8 } from "../../lib/base/mod.ts";
import { ClosingBody, FixedBody } from "../../lib/http1/body.ts";
import { ByteWindow } from "../../lib/http1/window.ts";
import { assertEquals } from "../support/assert.ts";
import { allCuts } from "../support/cuts.ts";
import { decode, put } from "./support/windows.ts";

Deno.test("FixedBody takes its length and leaves what follows", () => {
  for (const { name, pieces } of allCuts(encodeUtf8("0123456789HTTP/1.1"))) {
    const { data, error, done, left } = decode(new FixedBody(10), pieces, true);
    assertEquals([decodeUtf8(data), error, done, left], ["0123456789", undefined, true, 8], name);
  }
});

Deno.test("FixedBody of no bytes is done at once", () => {
  const body = new FixedBody(0);
  assertEquals(body.done, true);
  const window = new ByteWindow(8);
  put(window, encodeUtf8("abc"));
  assertEquals(body.take(window), undefined);
  assertEquals(window.end - window.start, 3);
});

Deno.test("FixedBody copies nothing", () => {
  const window = new ByteWindow(64);
  put(window, encodeUtf8("0123456789"));
  const view = new FixedBody(10).take(window);
  assertEquals([view?.byteOffset, view?.buffer === window.bytes.buffer], [0, true]);
});

Deno.test("FixedBody.end() reports what is missing", () => {
  const { data, error } = decode(new FixedBody(10), [encodeUtf8("0123")], true);
  assertEquals([decodeUtf8(data), error], ["0123", "body cut, 6 of 10 bytes missing"]);
});

Deno.test("ClosingBody takes everything until the end", () => {
  for (const { name, pieces } of allCuts(encodeUtf8("all of this"))) {
    const { data, error, done } = decode(new ClosingBody(), pieces, true);
    assertEquals([decodeUtf8(data), error, done], ["all of this", undefined, true], name);
  }
  assertEquals(decode(new ClosingBody(), [encodeUtf8("a")]).done, false);
});
