import { RequestTrace } from "../../lib/request/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { FakeClock } from "../support/fake_clock.ts";

Deno.test("RequestTrace begins with its request, which has taken no way", async () => {
  const clock = new FakeClock();
  await clock.advance(12);
  const trace = new RequestTrace(clock);
  await clock.advance(5);
  assertEquals(trace.receivedAtMs, 12);
  assertEquals([trace.events, trace.route, trace.directReason], [[], "none", undefined]);
});

Deno.test("RequestTrace.add() notes steps in order, each with its time and what is known", async () => {
  const clock = new FakeClock();
  const trace = new RequestTrace(clock);
  trace.add("tokenized", "http://p:8000");
  await clock.advance(30);
  trace.add("prefill-done", "http://p:8000", "ok");
  trace.add("kv-ready");
  await clock.advance(1);
  trace.add("retry", undefined, "kv_timeout");
  assertEquals(trace.events, [
    { step: "tokenized", atMs: 0, engine: "http://p:8000" },
    { step: "prefill-done", atMs: 30, engine: "http://p:8000", note: "ok" },
    { step: "kv-ready", atMs: 30 },
    { step: "retry", atMs: 31, note: "kv_timeout" },
  ]);
});

Deno.test("RequestTrace.onAccepted() tells once that the request is accepted", () => {
  const trace = new RequestTrace(new FakeClock());
  let told = 0;
  trace.onAccepted(() => told++);
  trace.add("tokenized");
  assertEquals(told, 0);
  for (let attempt = 0; attempt < 2; attempt++) trace.accept();
  assertEquals(told, 1);
  trace.onAccepted(() => told++);
  assertEquals(told, 2);
});

Deno.test("RequestTrace.part() is accepted for the whole, and tells its steps by itself", async () => {
  const clock = new FakeClock();
  const whole = new RequestTrace(clock);
  let told = 0;
  whole.onAccepted(() => told++);
  await clock.advance(7);
  const [one, other] = [whole.part(), whole.part()];
  assertEquals([one.receivedAtMs, one.route, one.streams], [7, "none", false]);
  one.part().accept();
  other.accept();
  other.add("prefill-sent");
  assertEquals([told, whole.events, other.events.length], [1, [], 1]);
});

Deno.test("RequestTrace.server is the engine that was asked last for the answer, or for a part of it", () => {
  const whole = new RequestTrace(new FakeClock());
  assertEquals(whole.server, undefined);
  whole.add("prefill-sent", "http://p");
  whole.add("kv-ready");
  assertEquals(whole.server, undefined);
  whole.add("decode-sent", "http://d");
  whole.add("decode-first", "http://other");
  assertEquals(whole.server, "http://d");
  const part = whole.part();
  assertEquals(part.server, undefined);
  part.add("direct-sent", "http://e");
  assertEquals([part.server, whole.server], ["http://e", "http://e"]);
});
