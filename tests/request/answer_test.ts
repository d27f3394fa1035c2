import { type ByteSource, isEventStream, isWhole } from "../../lib/request/mod.ts";
import { assertEquals } from "../support/assert.ts";

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
