import { Lease, type WaitEnd } from "../../lib/base/mod.ts";
import { Waiter } from "../../lib/zmq/kv_waiter.ts";
import { assertEquals } from "../support/assert.ts";
import { countedSignal } from "../support/counted_signal.ts";
import { FakeClock, settle } from "../support/fake_clock.ts";

interface Scene {
  readonly clock: FakeClock;
  readonly waiter: Waiter;
  /** What was told: that interest has ended, that it was disposed. */
  readonly told: string[];
}

function scene(ranks = 2): Scene {
  const clock = new FakeClock();
  const told: string[] = [];
  const interest = new Lease(() => told.push("interest"));
  const waiter = new Waiter("r", ranks, clock, interest, () => told.push("disposed"));
  return { clock, waiter, told };
}

Deno.test("Waiter is ready when the last rank has notified, for all that wait", async () => {
  const { clock, waiter, told } = scene();
  const waits = [waiter.wait({ timeoutMs: 100 }), waiter.wait({ timeoutMs: 200 })];
  assertEquals(waiter.count(1), "counted");
  assertEquals(told, []);
  assertEquals(waiter.count(1), "completed");
  assertEquals(await Promise.all(waits), ["ready", "ready"]);
  assertEquals([clock.pending, told, waiter.received()], [0, ["interest"], 2]);
  assertEquals(await waiter.wait({ timeoutMs: 0 }), "ready");
});

Deno.test("Waiter counts what comes beyond its ranks, and stays ready", () => {
  const { waiter } = scene(1);
  assertEquals([waiter.count(1), waiter.count(2)], ["completed", "surplus"]);
  assertEquals(waiter.received(), 3);
  assertEquals([waiter.cancel(), waiter.cancelled], ["late", false]);
});

Deno.test("Waiter.wait() is over after its time, and may be asked for more", async () => {
  const { clock, waiter } = scene();
  const ends: WaitEnd[] = [];
  void waiter.wait({ timeoutMs: 100 }).then((end) => ends.push(end));
  await clock.advance(99);
  assertEquals(ends, []);
  await clock.advance(1);
  assertEquals([ends, clock.pending], [["timed-out"], 0]);
  const longer = waiter.wait({ timeoutMs: 100 });
  waiter.count(2);
  assertEquals(await longer, "ready");
});

Deno.test("Waiter.wait() ends with its signal alone, and leaves no listener and no timer", async () => {
  const { clock, waiter } = scene();
  const client = countedSignal();
  const left = waiter.wait({ timeoutMs: 100, signal: client.signal });
  const other = waiter.wait({ timeoutMs: 100 });
  client.controller.abort();
  assertEquals([await left, client.count(), clock.pending], ["aborted", 0, 1]);
  assertEquals(await waiter.wait({ timeoutMs: 100, signal: client.signal }), "aborted");
  waiter.count(2);
  assertEquals(await other, "ready");
  assertEquals(await waiter.wait({ timeoutMs: 100, signal: client.signal }), "ready");
});

const ENDS = [
  ["cancel", "timed-out", true],
  ["expire", "timed-out", false],
  ["close", "aborted", false],
] as const;

for (const [how, end, cancelled] of ENDS) {
  Deno.test(`Waiter.${how}() ends its waits as ${end}, and what comes later is late`, async () => {
    const { clock, waiter, told } = scene();
    const waiting = waiter.wait({ timeoutMs: 100 });
    waiter[how]();
    assertEquals([await waiting, await waiter.wait({ timeoutMs: 100 })], [end, end]);
    assertEquals([waiter.count(2), waiter.received(), waiter.cancelled], ["late", 0, cancelled]);
    assertEquals([told, clock.pending], [["interest"], 0]);
  });
}

Deno.test("Waiter disposed gives back what it holds, once, and ends its waits", async () => {
  const { clock, waiter, told } = scene();
  const waiting = waiter.wait({ timeoutMs: 100 });
  waiter[Symbol.dispose]();
  waiter[Symbol.dispose]();
  await settle();
  assertEquals([await waiting, told, clock.pending], ["aborted", ["disposed", "interest"], 0]);
});
