import { encodeUtf8 } from "../../../lib/base/mod.ts";
import {
  EVENTS,
  isWholeStream,
  leaver,
  parseSeen,
  streamSeen,
} from "../../../scripts/real/clients/checks.ts";
import { startClientEngine } from "../../../scripts/real/clients/engine.ts";
import { assert, assertEquals, assertThrows } from "../../support/assert.ts";

const events = Array.from(
  { length: EVENTS },
  (_, at) => `data: ${JSON.stringify({ choices: [{ text: `t${at} ` }] })}\n\n`,
);
const DONE = "data: [DONE]\n\n";

Deno.test("isWholeStream() wants every event in order, and the end", () => {
  assert(isWholeStream(events.join("") + DONE));
  for (
    const wrong of [
      "",
      DONE,
      events.join(""),
      events.slice(1).join("") + DONE,
      [...events].reverse().join("") + DONE,
    ]
  ) assertEquals(isWholeStream(wrong), false, wrong);
});

Deno.test("streamSeen() does not take for a stream what has come at once", async () => {
  async function* atOnce(): AsyncGenerator<Uint8Array> {
    yield await Promise.resolve(encodeUtf8(events.join("") + DONE));
  }
  assertEquals((await streamSeen(atOnce())).ok, false);
});

Deno.test("parseSeen() reads what programs print, and nothing else", () => {
  const seen = { check: "whole", ok: true, seen: "200" } as const;
  assertEquals(parseSeen(JSON.stringify(seen)), seen);
  assertEquals(parseSeen('{"check":"whole","ok":1,"seen":""}').ok, false);
  assertThrows(() => parseSeen('{"check":"other","ok":true,"seen":""}'), TypeError, "other");
});

Deno.test("startClientEngine() knows who has left, and who has not", async () => {
  await using engine = startClientEngine();
  const user = leaver("leaves a stream", "x");
  const leaving = new AbortController();
  const answer = await fetch(engine.url, {
    method: "POST",
    body: JSON.stringify({ prompt: "", stream: true, user }),
    signal: leaving.signal,
  });
  const reader = answer.body?.getReader();
  await reader?.read();
  leaving.abort();
  assert(await engine.hasLeft(user ?? ""));
  await reader?.closed.catch(() => {});
  const whole = await fetch(engine.url, { method: "POST", body: '{"prompt":"a"}' });
  const { choices: [{ text }] } = await whole.json();
  assertEquals(text, "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb 1");
});
