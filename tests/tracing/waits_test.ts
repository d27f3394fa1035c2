import type { TraceEvent, TraceStep } from "../../lib/request/mod.ts";
import { waitsIn } from "../../lib/tracing/waits.ts";
import { assertEquals } from "../support/assert.ts";

const at = (...steps: readonly (readonly [TraceStep, number])[]): readonly TraceEvent[] =>
  steps.map(([step, atMs]) => ({ step, atMs }));

Deno.test("waitsIn() tells of waits for room and for KV, of each attempt", () => {
  const events = at(
    ["queued", 1],
    ["admitted", 4],
    ["tokenized", 5],
    ["prefill-sent", 5],
    ["prefill-done", 9],
    ["kv-timed-out", 20],
    ["retry", 21],
    ["queued", 21],
    ["admitted", 22],
    ["prefill-sent", 22],
    ["prefill-done", 25],
    ["kv-ready", 26],
    ["decode-sent", 26],
  );
  assertEquals(waitsIn(events, 99), [
    { name: "queue", fromMs: 1, toMs: 4, timedOut: false },
    { name: "kv_wait", fromMs: 9, toMs: 20, timedOut: true },
    { name: "queue", fromMs: 21, toMs: 22, timedOut: false },
    { name: "kv_wait", fromMs: 25, toMs: 26, timedOut: false },
  ]);
});

Deno.test("waitsIn() tells of no wait for KV that nobody is told of", () => {
  const events = at(["prefill-sent", 1], ["prefill-done", 5], ["decode-sent", 5]);
  assertEquals(waitsIn(events, 9), []);
});

Deno.test("waitsIn() ends a wait for room with its request", () => {
  assertEquals(waitsIn(at(["queued", 1]), 9), [
    { name: "queue", fromMs: 1, toMs: 9, timedOut: false },
  ]);
});

Deno.test("waitsIn() tells of so many at most", () => {
  const events = at(
    ...Array.from({ length: 1_000 }, (_, turn) => turn)
      .flatMap((turn) => [["queued", turn], ["admitted", turn]] as const),
  );
  assertEquals(waitsIn(events, 9).length, 256);
});
