import { ALWAYS, WaiterCount } from "../../lib/zmq/demand.ts";
import { assertEquals } from "../support/assert.ts";

Deno.test("WaiterCount.waiting holds while any waiter has not left", () => {
  const demand = new WaiterCount();
  assertEquals(demand.waiting, false);
  const [first, second] = [demand.enter(), demand.enter()];
  first.release();
  first.release();
  assertEquals(demand.waiting, true, "who leaves twice has left once");
  second.release();
  assertEquals(demand.waiting, false);
});

Deno.test("WaiterCount.onWaiting() calls whenever waiting begins, until its lease is released", () => {
  const demand = new WaiterCount();
  const seen: string[] = [];
  const one = demand.onWaiting(() => seen.push(`one ${demand.waiting}`));
  const two = demand.onWaiting(() => seen.push("two"));
  const [first, second] = [demand.enter(), demand.enter()];
  assertEquals(seen.splice(0), ["one true", "two"]);
  first.release();
  second.release();
  two.release();
  demand.enter().release();
  assertEquals(seen.splice(0), ["one true"]);
  one.release();
  demand.enter().release();
  assertEquals(seen, []);
});

Deno.test("ALWAYS has somebody wait, and nothing begins", () => {
  assertEquals(ALWAYS.waiting, true);
  ALWAYS.onWaiting(() => {
    throw new Error("begun");
  }).release();
});
