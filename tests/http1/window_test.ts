import { ByteWindow } from "../../lib/http1/window.ts";
import { assertEquals } from "../support/assert.ts";

Deno.test("ByteWindow.space() starts over when all has been taken", () => {
  const window = new ByteWindow(8);
  window.start = window.end = 5;
  assertEquals(window.space().length, 8);
  assertEquals([window.start, window.end], [0, 0]);
});

Deno.test("ByteWindow.space() is what is behind the bytes held", () => {
  const window = new ByteWindow(8);
  window.start = 2;
  window.end = 5;
  assertEquals(window.space().byteOffset, 5);
  assertEquals([window.start, window.end], [2, 5]);
});

Deno.test("ByteWindow.space() moves the bytes held to the front when there is no room", () => {
  const window = new ByteWindow(4);
  window.bytes.set([1, 2, 3, 4]);
  window.start = 3;
  window.end = 4;
  assertEquals(window.space().length, 3);
  assertEquals([...window.bytes.subarray(window.start, window.end)], [4]);
});

Deno.test("ByteWindow.space() is empty when the window is full", () => {
  const window = new ByteWindow(4);
  window.end = 4;
  assertEquals(window.space().length, 0);
});

Deno.test("ByteWindow grows where it was filled, to the most that it may have", () => {
  const window = new ByteWindow(4, 20);
  window.bytes.set([1, 2, 3, 4]);
  window.start = 3;
  window.end = 4;
  assertEquals(window.space().length, 15);
  assertEquals([...window.bytes.subarray(window.start, window.end)], [4]);
  // All of what filled it has been taken.
  window.start = window.end = 16;
  assertEquals(window.space().length, 20);
  window.start = window.end = 20;
  assertEquals(window.space().length, 20);
  window.end = 20;
  assertEquals(window.space().length, 0);
});

Deno.test("ByteWindow stays as it is while what arrives has room", () => {
  const window = new ByteWindow(8, 64);
  for (let read = 0; read < 20; read++) {
    assertEquals(window.space().length, 8);
    window.end += 7;
    window.start += 7;
  }
});
