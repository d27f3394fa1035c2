import fc from "fast-check";
import { KvReadyBoard, type KvWaiter, type NoticeResult } from "../../lib/zmq/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { FakeClock } from "../support/fake_clock.ts";

const IDS = ["a", "b", "c", "d", "e"] as const;
const MAX_ENTRIES = 3;

type Step =
  | { readonly do: "expect"; readonly id: string; readonly ranks: number }
  | { readonly do: "ready" | "cancel" | "dispose"; readonly id: string }
  | { readonly do: "advance"; readonly ms: number };

const id = fc.constantFrom(...IDS);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant("expect" as const), id, ranks: fc.integer({ min: 1, max: 4 }) }),
  { arbitrary: fc.record({ do: fc.constant("ready" as const), id }), weight: 5 },
  fc.record({ do: fc.constantFrom("cancel" as const, "dispose" as const), id }),
  fc.record({ do: fc.constant("advance" as const), ms: fc.integer({ min: 1, max: 80 }) }),
);

/** The outcome of one live request, told from its own notifications alone. */
class Told {
  received = 0;
  ready = false;
  cancelled = false;

  constructor(readonly waiter: KvWaiter) {
    this.received = waiter.received();
    this.ready = this.received >= waiter.ranks;
    this.cancelled = waiter.cancelled;
  }

  notified(): NoticeResult {
    if (this.ready) return this.received++, "surplus";
    if (this.cancelled) return "late";
    this.received++;
    this.ready = this.received >= this.waiter.ranks;
    return this.ready ? "completed" : "counted";
  }

  cancel(): NoticeResult {
    if (this.ready) return "late";
    this.cancelled = true;
    return "cancelled";
  }
}

Deno.test("KvReadyBoard is ready iff all ranks notified, and bounded, in any order of events", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 80 }), async (steps) => {
      const clock = new FakeClock();
      const board = new KvReadyBoard({
        clock,
        finishedTtlMs: 200,
        sweepIntervalMs: 50,
        maxEntries: MAX_ENTRIES,
        earlyTtlMs: 100,
        waiterTtlMs: 100_000,
      });
      const live = new Map<string, Told>();
      for (const event of steps) {
        if (event.do === "advance") {
          await clock.advance(event.ms);
        } else if (event.do === "expect") {
          if (live.has(event.id)) continue;
          const waiter = board.expect(event.id, { ranks: event.ranks });
          assert(waiter.received() >= 0);
          live.set(event.id, new Told(waiter));
        } else if (event.do === "dispose") {
          live.get(event.id)?.waiter[Symbol.dispose]();
          live.delete(event.id);
        } else {
          const told = live.get(event.id);
          const kind = event.do === "ready" ? "kv-ready" : "cancelled";
          const result = board.accept({ kind, reqId: event.id });
          const expected = event.do === "ready" ? told?.notified() : told?.cancel();
          if (expected !== undefined) assertEquals(result, expected);
          else assert(["early", "late", "dropped"].includes(result), result);
        }
        const { waiters, early, tombstones } = board.stats();
        assertEquals(waiters, live.size);
        assert(early <= MAX_ENTRIES && tombstones <= MAX_ENTRIES);
      }
      for (const told of live.values()) {
        const end = told.waiter.wait({ timeoutMs: 1, signal: AbortSignal.abort() });
        assertEquals(await end, told.ready ? "ready" : told.cancelled ? "timed-out" : "aborted");
        assertEquals(told.waiter.received(), told.received);
      }
      board[Symbol.dispose]();
      assertEquals(clock.pending, 0);
    }),
    { seed: 7, numRuns: 1000 },
  );
});

Deno.test("KvReadyBoard counts alike whether notifications come before or after expect()", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 8 }),
      fc.nat({ max: 10 }),
      fc.nat({ max: 10 }),
      (ranks, before, after) => {
        const clock = new FakeClock();
        using board = new KvReadyBoard({
          clock,
          finishedTtlMs: 200,
          sweepIntervalMs: 50,
          maxEntries: MAX_ENTRIES,
        });
        for (let count = 0; count < before; count++) board.accept({ kind: "kv-ready", reqId: "r" });
        using waiter = board.expect("r", { ranks });
        let completed = waiter.received() >= ranks;
        for (let count = 0; count < after; count++) {
          if (board.accept({ kind: "kv-ready", reqId: "r" }) === "completed") completed = true;
        }
        assertEquals(waiter.received(), before + after);
        assertEquals(completed, before + after >= ranks);
      },
    ),
    { seed: 7, numRuns: 300 },
  );
});
