import type { Lease } from "../../lib/base/mod.ts";
import { Gate, Gates } from "../../lib/kv/gate.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { countedSignal } from "../support/counted_signal.ts";
import { settle } from "../support/fake_clock.ts";

const { signal: NEVER } = new AbortController();

function place(entered: Lease | "aborted"): Lease {
  assert(entered !== "aborted", "no place");
  return entered;
}

/** What `entering` has come to so far. */
function watched(entering: Promise<Lease | "aborted">): { end: Lease | "aborted" | undefined } {
  const seen: { end: Lease | "aborted" | undefined } = { end: undefined };
  entering.then((end) => seen.end = end);
  return seen;
}

Deno.test("Gate.enter() lets so many in at once, the others in order of arrival", async () => {
  const gate = new Gate(2);
  const inside: string[] = [];
  const leases = new Map<string, Lease>();
  const waits = ["a", "b", "c", "d", "e"].map(async (name) => {
    leases.set(name, place(await gate.enter(NEVER)));
    inside.push(name);
  });
  await settle();
  assertEquals(inside, ["a", "b"]);
  leases.get("b")?.release();
  await settle();
  assertEquals(inside, ["a", "b", "c"]);
  leases.get("a")?.release();
  leases.get("c")?.release();
  await Promise.all(waits);
  assertEquals(inside, ["a", "b", "c", "d", "e"]);
});

Deno.test("Gate.enter() gives one place for one that is released, however often it is", async () => {
  const gate = new Gate(1);
  const first = place(await gate.enter(NEVER));
  const second = watched(gate.enter(NEVER));
  const third = watched(gate.enter(NEVER));
  first.release();
  first.release();
  first[Symbol.dispose]();
  await settle();
  assert(second.end !== undefined);
  assertEquals(third.end, undefined);
});

Deno.test("Gate.enter() takes nothing when its signal has aborted before", async () => {
  const gate = new Gate(1);
  assertEquals(await gate.enter(AbortSignal.abort()), "aborted");
  assert(gate.unused);
  place(await gate.enter(NEVER)).release();
});

Deno.test("Gate.enter() gives the turn of one that aborts while it waits to the next", async () => {
  const gate = new Gate(1);
  const first = place(await gate.enter(NEVER));
  const leaving = new AbortController();
  const second = watched(gate.enter(leaving.signal));
  const third = watched(gate.enter(NEVER));
  leaving.abort();
  await settle();
  assertEquals(second.end, "aborted");
  assertEquals(third.end, undefined);
  first.release();
  await settle();
  assert(third.end !== undefined);
  place(third.end).release();
  assert(gate.unused);
});

Deno.test("Gate.enter() keeps a place that came before its signal aborted", async () => {
  const gate = new Gate(1);
  const first = place(await gate.enter(NEVER));
  const leaving = new AbortController();
  const second = watched(gate.enter(leaving.signal));
  first.release();
  leaving.abort();
  await settle();
  assert(second.end !== undefined);
  place(second.end).release();
  assert(gate.unused);
});

Deno.test("Gate.enter() leaves no listener behind when it lets in", async () => {
  const gate = new Gate(1);
  const { signal, count } = countedSignal();
  const first = place(await gate.enter(signal));
  assertEquals(count(), 0);
  const second = gate.enter(signal);
  assertEquals(count(), 1);
  first.release();
  place(await second).release();
  assertEquals(count(), 0);
});

Deno.test("Gate.unused holds before the first and after the last only", async () => {
  const gate = new Gate(2);
  assert(gate.unused);
  const first = place(await gate.enter(NEVER));
  assert(!gate.unused);
  const second = place(await gate.enter(NEVER));
  const third = gate.enter(NEVER);
  first.release();
  second.release();
  assert(!gate.unused, "the third is in it");
  place(await third).release();
  assert(gate.unused);
});

Deno.test("Gates.enter() counts each key for itself", async () => {
  const gates = new Gates(1);
  const a = place(await gates.enter("a", NEVER));
  const b = place(await gates.enter("b", NEVER));
  assertEquals(gates.size, 2);
  const waiting = watched(gates.enter("a", NEVER));
  b.release();
  await settle();
  assertEquals(waiting.end, undefined);
  assertEquals(gates.size, 1);
  a.release();
  await settle();
  assert(waiting.end !== undefined);
  place(waiting.end).release();
  assertEquals(gates.size, 0);
});

Deno.test("Gates.enter() forgets a gate whose only comer has aborted before", async () => {
  const gates = new Gates(1);
  assertEquals(await gates.enter("a", AbortSignal.abort()), "aborted");
  assertEquals(gates.size, 0);
});

Deno.test("Gates.enter() keeps a gate while somebody waits, and forgets it after an abort", async () => {
  const gates = new Gates(1);
  const leaving = new AbortController();
  const first = place(await gates.enter("a", NEVER));
  const second = watched(gates.enter("a", leaving.signal));
  leaving.abort();
  await settle();
  assertEquals(second.end, "aborted");
  assertEquals(gates.size, 1);
  first.release();
  first.release();
  assertEquals(gates.size, 0);
});

Deno.test("Gates.enter() does not forget the gate of others for one that aborted at a gate before", async () => {
  const gates = new Gates(1);
  const leaving = new AbortController();
  const first = place(await gates.enter("a", NEVER));
  const second = watched(gates.enter("a", leaving.signal));
  leaving.abort();
  // All in one turn: the gate is gone before the second has seen that it aborted.
  first.release();
  const third = watched(gates.enter("a", NEVER));
  const fourth = watched(gates.enter("a", NEVER));
  await settle();
  assertEquals(second.end, "aborted");
  assert(third.end !== undefined);
  assertEquals(gates.size, 1);
  const fifth = watched(gates.enter("a", NEVER));
  await settle();
  assertEquals([fourth.end, fifth.end], [undefined, undefined]);
});
