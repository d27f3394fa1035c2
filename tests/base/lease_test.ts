import { Lease } from "../../lib/base/mod.ts";
import { assertEquals, assertThrows } from "../support/assert.ts";

function counted(): { readonly lease: Lease; readonly released: () => number } {
  let count = 0;
  return { lease: new Lease(() => void count++), released: () => count };
}

Deno.test("Lease.release() gives back once, however often it is asked", () => {
  const { lease, released } = counted();
  assertEquals(released(), 0);
  lease.release();
  lease.release();
  lease[Symbol.dispose]();
  assertEquals(released(), 1);
});

Deno.test("Lease gives back at the end of its block, also on a throw", () => {
  const { lease, released } = counted();
  assertThrows(
    () => {
      using _held = lease;
      throw new RangeError("stop");
    },
    RangeError,
    "stop",
  );
  assertEquals(released(), 1);
});

Deno.test("Lease.release() gives back once when the release asks again", () => {
  let count = 0;
  const lease: Lease = new Lease(() => {
    count++;
    lease.release();
  });
  lease.release();
  assertEquals(count, 1);
});

Deno.test("Lease.release() does not try again after a release that throws", () => {
  let count = 0;
  const lease = new Lease(() => {
    count++;
    throw new RangeError("stuck");
  });
  assertThrows(() => lease.release(), RangeError, "stuck");
  lease.release();
  assertEquals(count, 1);
});

Deno.test("Lease.move() hands on what is held, and leaves nothing behind", () => {
  const { lease, released } = counted();
  const moved = lease.move();
  lease.release();
  assertEquals(released(), 0);
  moved.release();
  moved.release();
  assertEquals(released(), 1);
});

Deno.test("Lease.move() of a lease given back holds nothing", () => {
  const { lease, released } = counted();
  lease.release();
  lease.move().release();
  assertEquals(released(), 1);
});
