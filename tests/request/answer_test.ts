import { concatBytes } from "../../lib/base/mod.ts";
import { bodyOf, type ByteSource, isEventStream, isWhole } from "../../lib/request/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";

const TYPES: readonly (readonly [name: string, value: string, events: boolean])[] = [
  ["content-type", "text/event-stream", true],
  ["content-type", "text/event-stream; charset=utf-8", true],
  ["Content-Type", "Text/Event-Stream", true],
  ["CONTENT-TYPE", "text/event-stream;charset=utf-8", true],
  ["content-type", "application/json", false],
  ["content-type", "text/plain; x=text/event-stream", false],
  ["content-type", "", false],
  ["x-content-type", "text/event-stream", false],
];

for (const [name, value, events] of TYPES) {
  Deno.test(`isEventStream() is ${events} for ${name}: ${value}`, () => {
    assertEquals(isEventStream({ headers: [["x-a", "b"], [name, value]] }), events);
  });
}

Deno.test("isEventStream() goes by the first content type, and takes none for no stream", () => {
  assertEquals(isEventStream({ headers: [] }), false);
  const [json, events] = ["application/json", "text/event-stream"];
  assertEquals(
    isEventStream({ headers: [["content-type", json], ["content-type", events]] }),
    false,
  );
});

Deno.test("isWhole() tells bytes from a source of them", () => {
  const source: ByteSource = { read: () => Promise.resolve(undefined), cancel: () => {} };
  assertEquals([isWhole(new Uint8Array(0)), isWhole(source)], [true, false]);
});

Deno.test("bodyOf() is one body where its pieces are not large, else gives them out in turn", async () => {
  const small = bodyOf([Uint8Array.of(1, 2), new Uint8Array(0), Uint8Array.of(3)]);
  assertEquals(small, Uint8Array.of(1, 2, 3));
  assertEquals(bodyOf([]), new Uint8Array(0));
  const sizes = [3_000_000, 0, 10, 2_000_000];
  const parts = sizes.map((size, at) => new Uint8Array(size).fill(at + 1));
  const body = bodyOf(parts);
  assert(!(body instanceof Uint8Array));
  const pieces: Uint8Array[] = [];
  for (let piece = await body.read(); piece; piece = await body.read()) pieces.push(piece);
  assert(pieces.every(({ length }) => length > 0 && length <= 256 * 1024));
  const [all, expected] = [concatBytes(pieces), concatBytes(parts)];
  assert(all.length === expected.length && all.every((byte, at) => byte === expected[at]));
  assertEquals(await body.read(), undefined);
});

Deno.test("bodyOf() gives nothing more once it is cancelled", async () => {
  const body = bodyOf([new Uint8Array(3_000_000), new Uint8Array(3_000_000)]);
  assert(!(body instanceof Uint8Array));
  assertEquals((await body.read())?.length, 256 * 1024);
  body.cancel();
  assertEquals(await body.read(), undefined);
});
