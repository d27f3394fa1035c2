import { readEvents, textOfEvents } from "../../scripts/real/streams.ts";
import { assertEquals, assertRejects, assertThrows } from "../support/assert.ts";

function event(text: string): string {
  return `data: ${JSON.stringify({ choices: [{ text }] })}\n\n`;
}

const DONE = "data: [DONE]\n\n";

Deno.test("readEvents() reads so many events, and the rest when asked for it", async () => {
  const events = ["a", "b", "c"].map(event);
  const stream = await readEvents(new Response(events.join("") + DONE), 2);
  assertEquals(textOfEvents(stream.begun + await stream.rest()), "abc");
});

Deno.test("readEvents() rejects for an error, and for a stream that ends too early", async () => {
  await assertRejects(
    () => readEvents(new Response("{}", { status: 502 }), 1),
    Error,
    "status 502",
  );
  await assertRejects(() => readEvents(new Response(event("a")), 2), Error, "the stream ended in");
});

Deno.test("textOfEvents() throws for a stream with an error, or that has not ended", () => {
  assertThrows(() => textOfEvents(event("a")), Error, "the stream ended in");
  const error = 'data: {"error":{"message":"no"}}\n\n';
  assertThrows(() => textOfEvents(event("a") + error + DONE), Error, "has an error");
});
