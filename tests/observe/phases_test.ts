import { doing, type Phases, phasesOf } from "../../lib/observe/mod.ts";
import { rounded, toldPhases } from "../../lib/observe/phases.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { HANDOFF, leg, traced } from "./support.ts";

function told(phases: Phases): Readonly<Record<string, number>> {
  return toldPhases(phases);
}

Deno.test("phasesOf() cuts a handoff into what follows one another", async () => {
  const clock = new FakeClock();
  const trace = await traced(clock, "handoff_p1", HANDOFF);
  trace.firstByteAtMs = 43;
  trace.landed(leg({ ms: 113, firstMs: 13, tokens: { answer: 12, own: 11 } }));
  assertEquals(told(phasesOf(trace, 159)), {
    tokenize: 2,
    prefill: 40,
    kv_wait: 3,
    first_byte: 12,
    stream: 100,
    ttft: 43,
    itl: 10,
    total: 159,
  });
});

Deno.test("phasesOf() sums all waits for room, and takes the rest of the last attempt", async () => {
  const clock = new FakeClock();
  const trace = await traced(clock, "handoff_p1", [
    [1, "queued"],
    [10, "admitted"],
    [2, "tokenized"],
    [0, "prefill-sent"],
    [30, "prefill-done"],
    [50, "kv-timed-out"],
    [0, "retry"],
    [0, "queued"],
    [5, "admitted"],
    [0, "prefill-sent"],
    [20, "prefill-done"],
    [1, "kv-ready"],
    [0, "decode-sent"],
    [4, "decode-first"],
  ]);
  assertEquals(told(phasesOf(trace, clock.now() + 6)), {
    queue: 15,
    prefill: 20,
    kv_wait: 1,
    first_byte: 4,
    stream: 6,
    total: 129,
  });
});

Deno.test("phasesOf() has the first byte of a direct stream where the client has it", async () => {
  const clock = new FakeClock();
  const trace = await traced(clock, "direct", [[1, "direct-sent"], [5, "direct-head"]]);
  assertEquals(told(phasesOf(trace, 20)), { first_byte: 5, stream: 14, total: 20 });
  trace.firstByteAtMs = 16;
  assertEquals(told(phasesOf(trace, 20)), { first_byte: 15, stream: 4, ttft: 16, total: 20 });
});

Deno.test("phasesOf() tells nothing of what a handoff given up has left to a direct request but its ids", async () => {
  const clock = new FakeClock();
  const trace = await traced(clock, "direct", [
    [7, "tokenized"],
    [3, "queued"],
    [2, "admitted"],
    [0, "direct-sent"],
    [5, "direct-head"],
  ]);
  assertEquals(told(phasesOf(trace, 20)), {
    queue: 2,
    tokenize: 7,
    first_byte: 5,
    stream: 3,
    total: 20,
  });
});

Deno.test("phasesOf() knows no time between tokens of one, of failures, and of lists of prompts", async () => {
  for (
    const [route, changes] of [
      ["direct", { leg: "direct", firstMs: 5, tokens: { answer: 1 } }],
      ["direct", { leg: "direct", firstMs: 5, end: "failed", tokens: { answer: 9 } }],
      ["direct", { leg: "direct", tokens: { answer: 9 } }],
      ["fan_out", { leg: "direct", firstMs: 5, tokens: { answer: 9 } }],
    ] as const
  ) {
    const trace = await traced(new FakeClock(), route, []);
    trace.landed(leg(changes));
    assert(Number.isNaN(phasesOf(trace, 9).itl), JSON.stringify(changes));
  }
});

Deno.test("doing() says what a request waits for behind each step", async () => {
  const clock = new FakeClock();
  const trace = await traced(clock, "handoff_p1", []);
  const seen: string[] = [doing(trace)];
  for (const [, step] of HANDOFF) {
    trace.add(step);
    seen.push(doing(trace));
  }
  assertEquals(seen, [
    ...["arrived", "prefill", "prefill", "kv_wait", "first_byte", "first_byte", "stream"],
  ]);
});

Deno.test("rounded() leaves microseconds", () => {
  assertEquals([rounded(1.23456), rounded(0), rounded(99.9999)], [1.235, 0, 100]);
});
