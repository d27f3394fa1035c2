import { RecentRequests } from "../../lib/observe/mod.ts";
import { MAX_EVENTS } from "../../lib/observe/ring.ts";
import { RequestTrace } from "../../lib/request/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { FakeClock } from "../support/fake_clock.ts";

function numbered(seq: number): RequestTrace {
  const trace = new RequestTrace(new FakeClock());
  trace.seq = seq;
  return trace;
}

Deno.test("RecentRequests keeps as many as it may, the latest first", () => {
  const recent = new RecentRequests(3);
  const seen: number[][] = [];
  for (let seq = 1; seq <= 5; seq++) {
    recent.add(numbered(seq));
    seen.push([...recent.latest()].map((trace) => trace.seq));
  }
  assertEquals(seen, [[1], [2, 1], [3, 2, 1], [4, 3, 2], [5, 4, 3]]);
  assertEquals([recent.size, recent.ended, recent.capacity], [3, 5, 3]);
});

Deno.test("RecentRequests of no room keeps none", () => {
  const recent = new RecentRequests(0);
  recent.add(numbered(1));
  assertEquals([recent.size, recent.ended, [...recent.latest()]], [0, 0, []]);
});

Deno.test("RecentRequests keeps 256 events of each, and how many there were", () => {
  const recent = new RecentRequests(1);
  const trace = numbered(1);
  for (let at = 0; at < MAX_EVENTS + 7; at++) trace.add("tokenized", undefined, `${at}`);
  recent.add(trace);
  assertEquals([trace.events.length, trace.eventsCut, trace.events.at(-1)?.note], [256, 7, "255"]);
});
