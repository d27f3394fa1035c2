import { concatBytes, decodeUtf8, encodeUtf8 } from "../../lib/base/mod.ts";
import {
  DATA_FIELD,
  DONE_EVENT,
  EVENT_END,
  EVENT_START,
  isDone,
  jsonEvent,
  SseDecoder,
} from "../../lib/sse/mod.ts";
import { assertEquals } from "../support/assert.ts";

/** The data of all events in `bytes`. */
function dataIn(bytes: Uint8Array): readonly string[] {
  const decoder = new SseDecoder();
  decoder.push(bytes);
  const found: string[] = [];
  for (let data = decoder.next(); data !== undefined; data = decoder.next()) {
    found.push(decodeUtf8(data));
  }
  return found;
}

Deno.test("EVENT_START and EVENT_END frame data as the decoder reads it", () => {
  const events = concatBytes([
    ...[EVENT_START, encodeUtf8("one"), EVENT_END],
    ...[encodeUtf8(DATA_FIELD), encodeUtf8("two"), EVENT_END],
  ]);
  assertEquals(dataIn(events), ["one", "two"]);
});

Deno.test("DONE_EVENT is read as [DONE]", () => {
  assertEquals(decodeUtf8(DONE_EVENT), "data: [DONE]\n\n");
  assertEquals(dataIn(DONE_EVENT), ["[DONE]"]);
});

Deno.test("isDone() knows the last event's data alone", () => {
  assertEquals(isDone(encodeUtf8("[DONE]")), true);
  for (const data of ["", "[DONE", "[DONE] ", " [DONE]", "[done]", '"[DONE]"', "{}"]) {
    assertEquals(isDone(encodeUtf8(data)), false, data);
  }
});

Deno.test("jsonEvent() writes a value on one line, however it is made", () => {
  const value = { text: 'a\n\r\n"é' };
  const event = jsonEvent(value);
  assertEquals(decodeUtf8(event), 'data: {"text":"a\\n\\r\\n\\"é"}\n\n');
  assertEquals(dataIn(event).map((data) => JSON.parse(data)), [value]);
});

Deno.test("jsonEvent() names an event where it has a name", () => {
  assertEquals(decodeUtf8(jsonEvent([1], "error")), "event: error\ndata: [1]\n\n");
});
