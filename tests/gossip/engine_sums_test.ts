import { EngineSums } from "../../lib/gossip/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { loadOf } from "./support.ts";

Deno.test("EngineSums.hold() gives all who hold an engine one sum, until the last lets go", () => {
  const sums = new EngineSums();
  const one = sums.hold("e");
  const other = sums.hold("e");
  one.sum.move(undefined, loadOf({ inflight: 2, seats: 3 }));
  assertEquals([other.sum.inflight, other.sum.seats, sums.size], [2, 3, 1]);
  one.lease.release();
  assertEquals(sums.hold("e").sum, other.sum);
  other.lease.release();
  assertEquals(sums.size, 1);
  assertEquals(sums.hold("f").sum.inflight, 0);
});

Deno.test("EngineSum.move() counts one load in the place of another, and tells when there is less", () => {
  const { sum } = new EngineSums().hold("e");
  let told = 0;
  sum.onMove = (less) => told += less ? 1 : 0;
  const first = loadOf({ inflight: 1, promptTokens: 10, seats: 2, transfers: 1, kvBytes: 5 });
  sum.move(undefined, first);
  sum.move(undefined, loadOf({ seats: 1 }));
  assertEquals([sum.seats, sum.promptTokens, told], [3, 10, 0]);
  const second = loadOf({ inflight: 4, promptTokens: 1, seats: 2, transfers: 1, kvBytes: 5 });
  sum.move(first, second);
  assertEquals([sum.inflight, sum.promptTokens, told], [4, 1, 0]);
  for (const less of ["seats", "transfers", "kvBytes"] as const) {
    sum.move(second, { ...second, [less]: 0 });
    sum.move({ ...second, [less]: 0 }, second);
  }
  assertEquals(told, 3);
  sum.move(second, undefined);
  assertEquals([sum.inflight, sum.seats, sum.kvBytes, told], [0, 1, 0, 4]);
});
