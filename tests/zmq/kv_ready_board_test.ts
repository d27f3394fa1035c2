import { RouterError } from "../../lib/base/mod.ts";
import { type BoardEvent, KvReadyBoard, type KvReadyBoardOptions } from "../../lib/zmq/mod.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";
import { countedSignal } from "../support/counted_signal.ts";
import { FakeClock, settle } from "../support/fake_clock.ts";

interface Setting extends Disposable {
  readonly clock: FakeClock;
  readonly board: KvReadyBoard;
  readonly events: BoardEvent[];
}

function setting(options: Partial<KvReadyBoardOptions> = {}): Setting {
  const clock = new FakeClock();
  const events: BoardEvent[] = [];
  const board = new KvReadyBoard({
    clock,
    finishedTtlMs: 120_000,
    sweepIntervalMs: 60_000,
    maxEntries: 100,
    onResult: (event) => events.push(event),
    ...options,
  });
  return {
    clock,
    board,
    events,
    [Symbol.dispose]: () => {
      board[Symbol.dispose]();
      assertEquals(clock.pending, 0, "no timer is left behind");
    },
  };
}

const ready = (reqId: string) => ({ kind: "kv-ready", reqId }) as const;
const cancel = (reqId: string) => ({ kind: "cancelled", reqId }) as const;

/** Timers of a board that nobody waits on: its sweeper. */
const SWEEPER = 1;

Deno.test("KvReadyBoard.accept() completes a waiter at its last rank", async () => {
  using at = setting();
  using waiter = at.board.expect("r", { ranks: 2 });
  const end = waiter.wait({ timeoutMs: 1000 });
  assertEquals(at.board.accept(ready("r")), "counted");
  assertEquals([waiter.received(), waiter.ranks, waiter.reqId], [1, 2, "r"]);
  assertEquals(at.board.accept(ready("r")), "completed");
  assertEquals(await end, "ready");
  assertEquals(at.clock.pending, SWEEPER);
  assertEquals(at.board.accept(ready("r")), "surplus");
  assertEquals(waiter.received(), 3);
  assertEquals(at.events, ["counted", "completed", "surplus"]);
});

Deno.test("KvReadyBoard.accept() keeps requests apart", async () => {
  using at = setting();
  using one = at.board.expect("one", { ranks: 1 });
  using two = at.board.expect("two", { ranks: 1 });
  at.board.accept(ready("two"));
  assertEquals([one.received(), two.received()], [0, 1]);
  assertEquals(await two.wait({ timeoutMs: 1 }), "ready");
  const end = one.wait({ timeoutMs: 5 });
  await at.clock.advance(5);
  assertEquals(await end, "timed-out");
});

Deno.test("KvWaiter.wait() is ready at once when everything has come already", async () => {
  using at = setting();
  using waiter = at.board.expect("r", { ranks: 1 });
  at.board.accept(ready("r"));
  const aborted = AbortSignal.abort();
  assertEquals(await waiter.wait({ timeoutMs: 0, signal: aborted }), "ready");
  waiter[Symbol.dispose]();
  assertEquals(await waiter.wait({ timeoutMs: 0 }), "ready", "what has happened stays so");
});

Deno.test("KvWaiter.wait() times out at its time and may be called again", async () => {
  using at = setting();
  using waiter = at.board.expect("r", { ranks: 1 });
  const first = waiter.wait({ timeoutMs: 100 });
  let ended = false;
  first.then(() => ended = true);
  await at.clock.advance(99);
  assertEquals(ended, false);
  await at.clock.advance(1);
  assertEquals(await first, "timed-out");
  assertEquals(at.clock.pending, SWEEPER);
  const second = waiter.wait({ timeoutMs: 100 });
  at.board.accept(ready("r"));
  assertEquals(await second, "ready");
  assertEquals(waiter.cancelled, false);
});

Deno.test("KvWaiter.wait() is aborted on entry, or while waiting, and leaves no listener", async () => {
  using at = setting();
  using waiter = at.board.expect("r", { ranks: 1 });
  assertEquals(await waiter.wait({ timeoutMs: 100, signal: AbortSignal.abort() }), "aborted");
  assertEquals(at.clock.pending, SWEEPER);

  const { signal, count, controller } = countedSignal();
  const end = waiter.wait({ timeoutMs: 100, signal });
  assertEquals(count(), 1);
  controller.abort();
  assertEquals(await end, "aborted");
  assertEquals([count(), at.clock.pending], [0, SWEEPER]);

  const other = countedSignal();
  const timedOut = waiter.wait({ timeoutMs: 100, signal: other.signal });
  await at.clock.advance(100);
  assertEquals([await timedOut, other.count()], ["timed-out", 0]);

  const completed = waiter.wait({ timeoutMs: 100, signal: other.signal });
  at.board.accept(ready("r"));
  assertEquals([await completed, other.count()], ["ready", 0]);
});

Deno.test("KvWaiter.wait() serves several at a time, each with its own end", async () => {
  using at = setting();
  using waiter = at.board.expect("r", { ranks: 1 });
  const controller = new AbortController();
  const ends = [
    waiter.wait({ timeoutMs: 10 }),
    waiter.wait({ timeoutMs: 100, signal: controller.signal }),
    waiter.wait({ timeoutMs: 100 }),
  ];
  await at.clock.advance(10);
  controller.abort();
  at.board.accept(ready("r"));
  assertEquals(await Promise.all(ends), ["timed-out", "aborted", "ready"]);
});

Deno.test("KvWaiter dispose ends waits, makes later notifications late, and is idempotent", async () => {
  using at = setting();
  const waiter = at.board.expect("r", { ranks: 1 });
  const end = waiter.wait({ timeoutMs: 100 });
  waiter[Symbol.dispose]();
  assertEquals(await end, "aborted");
  assertEquals(at.board.stats(), { waiters: 0, early: 0, tombstones: 1 });
  assertEquals(at.board.accept(ready("r")), "late");
  assertEquals(at.board.accept(cancel("r")), "late");
  assertEquals(waiter.received(), 0);
  assertEquals(await waiter.wait({ timeoutMs: 100 }), "aborted");
  waiter[Symbol.dispose]();
  assertEquals(at.board.stats(), { waiters: 0, early: 0, tombstones: 1 });
});

Deno.test("KvWaiter dispose does not touch a later waiter of the same id", () => {
  using at = setting();
  const first = at.board.expect("r", { ranks: 1 });
  first[Symbol.dispose]();
  using second = at.board.expect("r", { ranks: 1 });
  first[Symbol.dispose]();
  assertEquals(at.board.accept(ready("r")), "completed");
  assertEquals([first.received(), second.received()], [0, 1]);
});

Deno.test("KvReadyBoard.expect() counts what came early at once", async () => {
  using at = setting();
  assertEquals(at.board.accept(ready("r")), "early");
  assertEquals(at.board.accept(ready("r")), "early");
  assertEquals(at.board.stats(), { waiters: 0, early: 1, tombstones: 0 });
  using waiter = at.board.expect("r", { ranks: 3 });
  assertEquals([waiter.received(), at.board.stats().early], [2, 0]);
  assertEquals(at.board.accept(ready("r")), "completed");
  assertEquals(await waiter.wait({ timeoutMs: 0 }), "ready");

  at.board.accept(ready("all"));
  using whole = at.board.expect("all", { ranks: 1 });
  assertEquals(await whole.wait({ timeoutMs: 0 }), "ready");
});

Deno.test("KvReadyBoard.expect() does not count what came too early", async () => {
  using at = setting({ earlyTtlMs: 1000 });
  at.board.accept(ready("r"));
  await at.clock.advance(1000);
  using waiter = at.board.expect("r", { ranks: 1 });
  assertEquals([waiter.received(), at.board.stats().early], [0, 0]);
});

Deno.test("KvReadyBoard.expect() refuses an id that is waited for", () => {
  using at = setting();
  using waiter = at.board.expect("r", { ranks: 1 });
  const error = assertThrows(
    () => at.board.expect("r", { ranks: 1 }),
    RouterError,
    `Cannot expect the KV of request "r": already expected`,
  );
  assertEquals(error.code, "internal");
  assertEquals(at.board.accept(ready("r")), "completed");
  assertEquals(waiter.received(), 1);
});

Deno.test("KvReadyBoard.expect() refuses ranks that are no positive integer", () => {
  using at = setting();
  for (const ranks of [0, -1, 1.5, NaN, Infinity]) {
    const error = assertThrows(
      () => at.board.expect("r", { ranks }),
      RouterError,
      `received ${ranks}`,
    );
    assertEquals(error.code, "internal");
  }
  assertEquals(at.board.stats().waiters, 0);
});

Deno.test("KvReadyBoard refuses durations and counts that are not positive", () => {
  for (
    const [name, value] of [
      ["finishedTtlMs", 0],
      ["sweepIntervalMs", -1],
      ["maxEntries", NaN],
      ["earlyTtlMs", 0],
      ["waiterTtlMs", 0],
    ] as const
  ) {
    assertThrows(
      () => setting({ [name]: value }),
      RangeError,
      `"${name}" must be positive, received ${value}`,
    );
  }
});

Deno.test("KvReadyBoard.lose() ends at once what depends on what is lost, and nothing else", async () => {
  const at = setting();
  using _board = at.board;
  using waiter = at.board.expect("r", { ranks: 2, of: ["p", "d"] });
  using other = at.board.expect("s", { ranks: 1, of: ["p2", "d"] });
  using whole = at.board.expect("t", { ranks: 1, of: ["p", "d2"] });
  at.board.accept(ready("t"));
  const end = waiter.wait({ timeoutMs: 10_000 });
  at.board.lose("p");
  assertEquals([await end, waiter.lost, waiter.cancelled], ["timed-out", "p", false]);
  assertEquals([other.lost, whole.lost], [undefined, undefined]);
  assertEquals(await whole.wait({ timeoutMs: 0 }), "ready");
  at.board.accept(ready("s"));
  assertEquals(await other.wait({ timeoutMs: 0 }), "ready");
});

Deno.test("KvReadyBoard.accept() ends the waits of a cancelled transfer", async () => {
  using at = setting();
  using waiter = at.board.expect("r", { ranks: 2 });
  at.board.accept(ready("r"));
  const end = waiter.wait({ timeoutMs: 60_000 });
  assertEquals(at.board.accept(cancel("r")), "cancelled");
  assertEquals([await end, waiter.cancelled], ["timed-out", true]);
  assertEquals(await waiter.wait({ timeoutMs: 60_000 }), "timed-out");
  assertEquals(at.board.accept(ready("r")), "late", "a cancelled transfer cannot complete");
  assertEquals(at.board.accept(cancel("r")), "cancelled");
  assertEquals([waiter.received(), at.clock.pending], [1, SWEEPER]);
});

Deno.test("KvReadyBoard.accept() takes a cancellation after completion as late", async () => {
  using at = setting();
  using waiter = at.board.expect("r", { ranks: 1 });
  at.board.accept(ready("r"));
  assertEquals(at.board.accept(cancel("r")), "late");
  assertEquals([await waiter.wait({ timeoutMs: 0 }), waiter.cancelled], ["ready", false]);
});

Deno.test("KvReadyBoard.accept() remembers an early cancellation, in its order", async () => {
  using at = setting();
  assertEquals(at.board.accept(cancel("r")), "early");
  assertEquals(at.board.accept(ready("r")), "late");
  using waiter = at.board.expect("r", { ranks: 1 });
  assertEquals([waiter.cancelled, waiter.received()], [true, 0]);
  assertEquals(await waiter.wait({ timeoutMs: 60_000 }), "timed-out");

  at.board.accept(ready("whole"));
  assertEquals(at.board.accept(cancel("whole")), "early");
  using whole = at.board.expect("whole", { ranks: 1 });
  assertEquals(await whole.wait({ timeoutMs: 0 }), "ready", "complete before it was cancelled");
});

Deno.test("KvReadyBoard.accept() tells unknown types and garbage apart, and keeps nothing", () => {
  using at = setting();
  assertEquals(at.board.accept({ kind: "unknown", type: "AllocRequest" }), "unknown-type");
  assertEquals(at.board.accept({ kind: "garbage", reason: "2 frames" }), "garbage");
  assertEquals(at.board.stats(), { waiters: 0, early: 0, tombstones: 0 });
  assertEquals(at.events, ["unknown-type", "garbage"]);
});

Deno.test("KvReadyBoard.accept() survives a flood of unknown ids", async () => {
  using at = setting({ maxEntries: 10, earlyTtlMs: 1000 });
  using waiter = at.board.expect("live", { ranks: 2 });
  at.board.accept(ready("live"));
  for (let index = 0; index < 1000; index++) {
    const result = at.board.accept(ready(`stranger-${index}`));
    assertEquals(result, index < 10 ? "early" : "dropped");
    assert(at.board.stats().early <= 10);
  }
  assertEquals(at.board.accept(ready("stranger-3")), "early", "a kept id still counts");
  assertEquals(at.board.accept(ready("live")), "completed");
  assertEquals(await waiter.wait({ timeoutMs: 0 }), "ready");
  await at.clock.advance(1000);
  assertEquals(at.board.accept(ready("after")), "early", "room again once the flood has aged");
});

Deno.test("KvReadyBoard remembers at most maxEntries ended ids, the latest ones", () => {
  using at = setting({ maxEntries: 3 });
  for (let index = 0; index < 5; index++) {
    at.board.expect(`r${index}`, { ranks: 1 })[Symbol.dispose]();
  }
  assertEquals(at.board.stats().tombstones, 3);
  assertEquals(at.board.accept(ready("r4")), "late");
  assertEquals(at.board.accept(ready("r0")), "early");
});

Deno.test("KvReadyBoard forgets ended ids after finishedTtlMs", async () => {
  using at = setting({ finishedTtlMs: 1000, sweepIntervalMs: 400, earlyTtlMs: 500 });
  at.board.expect("r", { ranks: 1 })[Symbol.dispose]();
  await at.clock.advance(999);
  assertEquals(at.board.accept(ready("r")), "late");
  await at.clock.advance(1);
  assertEquals(at.board.stats().tombstones, 1, "the sweep has not come yet");
  assertEquals(at.board.accept(ready("r")), "early");
  await at.clock.advance(200);
  assertEquals(at.board.stats(), { waiters: 0, early: 1, tombstones: 0 });
  await at.clock.advance(400);
  assertEquals(at.board.stats().early, 0);
});

Deno.test("KvReadyBoard evicts a waiter nobody disposed, and only that", async () => {
  using at = setting({ finishedTtlMs: 1000, sweepIntervalMs: 100 });
  const forgotten = at.board.expect("old", { ranks: 1 });
  const end = forgotten.wait({ timeoutMs: 60_000 });
  await at.clock.advance(950);
  using young = at.board.expect("young", { ranks: 1 });
  await at.clock.advance(50);
  assertEquals(await end, "timed-out");
  assertEquals(await forgotten.wait({ timeoutMs: 60_000 }), "timed-out");
  assertEquals([forgotten.cancelled, at.events], [false, ["expired"]]);
  assertEquals(at.board.stats(), { waiters: 1, early: 0, tombstones: 1 });
  assertEquals(at.board.accept(ready("old")), "late");
  assertEquals(at.board.accept(ready("young")), "completed");
  assertEquals(young.received(), 1);
  forgotten[Symbol.dispose]();
  assertEquals(at.board.stats(), { waiters: 1, early: 0, tombstones: 1 });
});

Deno.test("KvReadyBoard evicts a completed waiter too, which stays ready for its owner", async () => {
  using at = setting({ finishedTtlMs: 60_000, waiterTtlMs: 1000, sweepIntervalMs: 100 });
  const waiter = at.board.expect("r", { ranks: 1 });
  at.board.accept(ready("r"));
  await at.clock.advance(1000);
  assertEquals(at.board.stats().waiters, 0);
  assertEquals(await waiter.wait({ timeoutMs: 0 }), "ready");
});

Deno.test("KvReadyBoard dispose ends all waits, stops sweeping and takes nothing more", async () => {
  const at = setting();
  const waiter = at.board.expect("r", { ranks: 1 });
  const end = waiter.wait({ timeoutMs: 100 });
  at.board[Symbol.dispose]();
  assertEquals(at.clock.pending, 0);
  assertEquals(await end, "aborted");
  assertEquals(at.board.accept(ready("r")), "dropped");
  assertEquals(at.board.accept(ready("x")), "dropped");
  waiter[Symbol.dispose]();
  assertEquals(at.board.stats(), { waiters: 0, early: 0, tombstones: 0 });
  const error = assertThrows(() => at.board.expect("y", { ranks: 1 }), RouterError, "closed");
  assertEquals(error.code, "shutting-down");
  at.board[Symbol.dispose]();
  await settle();
});

Deno.test("KvReadyBoard.demand holds while a waiter lacks notifications, however it ends", async () => {
  using at = setting({ waiterTtlMs: 100_000 });
  const { demand } = at.board;
  const ends: Readonly<Record<string, (reqId: string) => unknown>> = {
    completed: (reqId) => at.board.accept(ready(reqId)),
    cancelled: (reqId) => at.board.accept(cancel(reqId)),
    expired: () => at.clock.advance(120_000),
  };
  let begun = 0;
  using _wakes = demand.onWaiting(() => begun++);
  for (const [reqId, end] of Object.entries(ends)) {
    using _waiter = at.board.expect(reqId, { ranks: 1 });
    assertEquals(demand.waiting, true, reqId);
    await end(reqId);
    assertEquals(demand.waiting, false, `${reqId}, and not disposed yet`);
  }
  const left = at.board.expect("left", { ranks: 2 });
  const other = at.board.expect("other", { ranks: 1 });
  at.board.accept(ready("left"));
  other[Symbol.dispose]();
  assertEquals(demand.waiting, true, "one rank of two");
  left[Symbol.dispose]();
  assertEquals([demand.waiting, begun], [false, 4]);
});

Deno.test("KvReadyBoard.demand is nobody's for notifications that were early, or a closed board", () => {
  using at = setting();
  at.board.accept(ready("early"));
  using _early = at.board.expect("early", { ranks: 1 });
  assertEquals(at.board.demand.waiting, false);
  using _waiter = at.board.expect("r", { ranks: 1 });
  at.board[Symbol.dispose]();
  assertEquals(at.board.demand.waiting, false);
});
