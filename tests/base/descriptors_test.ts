import {
  DescriptorReserve,
  isWantOfDescriptors,
  openNullDevice,
  REFILL_MS,
  RouterError,
  takeWithSpare,
} from "../../lib/base/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { FakeDescriptors, wantOfDescriptors } from "../support/scarce.ts";

Deno.test("isWantOfDescriptors() finds it in the error and its causes", () => {
  for (const code of ["EMFILE", "ENFILE"] as const) {
    const cause = wantOfDescriptors(code);
    assertEquals(isWantOfDescriptors(cause), true);
    const error = new RouterError("upstream-unreachable", "Cannot reach engine", { cause });
    assertEquals(isWantOfDescriptors(new Error("Failed", { cause: error })), true);
  }
});

Deno.test("isWantOfDescriptors() takes nothing else for it, and ends in a circle of causes", () => {
  const circle = new Error("a");
  circle.cause = new Error("b", { cause: circle });
  const others = [
    undefined,
    "EMFILE",
    { code: "EMFILE" },
    new Error("Too many open files (os error 24)"),
    Object.assign(new Error("refused"), { code: "ECONNREFUSED" }),
    circle,
  ];
  for (const other of others) assertEquals(isWantOfDescriptors(other), false);
});

Deno.test("DescriptorReserve gives up one by one, and takes them again when there are some", async () => {
  const clock = new FakeClock();
  const there = new FakeDescriptors(10);
  using reserve = new DescriptorReserve({ clock, size: 2, take: there.take });
  assertEquals([reserve.held, there.taken, clock.pending], [2, 2, 0]);
  there.limit = 2;
  assertEquals([reserve.spend(), reserve.spend(), reserve.spend()], [true, true, false]);
  assertEquals([reserve.held, there.taken], [0, 0]);
  there.limit = 1;
  await clock.advance(REFILL_MS);
  assertEquals([reserve.held, clock.pending], [1, 1]);
  there.limit = 2;
  await clock.advance(REFILL_MS);
  assertEquals([reserve.held, clock.pending], [2, 0]);
});

Deno.test("DescriptorReserve fills later where there are none at first", async () => {
  const clock = new FakeClock();
  const there = new FakeDescriptors(0);
  using reserve = new DescriptorReserve({ clock, size: 2, take: there.take });
  assertEquals([reserve.held, reserve.scarce], [0, true]);
  there.limit = 3;
  await clock.advance(REFILL_MS);
  assertEquals([reserve.held, reserve.scarce, there.taken], [2, false, 2]);
});

Deno.test("DescriptorReserve holds none where it may not, which is no want", () => {
  const clock = new FakeClock();
  const take = (): never => {
    throw new Deno.errors.NotCapable("Requires read access");
  };
  using reserve = new DescriptorReserve({ clock, size: 2, take });
  assertEquals([reserve.held, reserve.scarce, reserve.spend(), clock.pending], [
    0,
    false,
    false,
    0,
  ]);
});

Deno.test("DescriptorReserve gives all back when it is disposed", () => {
  const clock = new FakeClock();
  const there = new FakeDescriptors(3);
  const reserve = new DescriptorReserve({ clock, size: 3, take: there.take });
  reserve.spend();
  reserve[Symbol.dispose]();
  assertEquals([there.taken, clock.pending], [0, 0]);
});

Deno.test("openNullDevice() takes a descriptor of the platform's", () => {
  openNullDevice().close();
});

Deno.test("takeWithSpare() takes again as long as descriptors are given up, and no longer", () => {
  const there = new FakeDescriptors(0);
  let spares = 2;
  const spare = (): boolean => {
    if (spares === 0) return false;
    spares--;
    return true;
  };
  assertEquals(isWantOfDescriptors(thrownBy(() => takeWithSpare(there.take, spare))), true);
  assertEquals(spares, 0);
  assertEquals(isWantOfDescriptors(thrownBy(() => takeWithSpare(there.take))), true);
  spares = 2;
  takeWithSpare(there.take, () => (there.limit++, spare()));
  assertEquals([spares, there.taken], [1, 1]);
});

Deno.test("takeWithSpare() gives nothing up for what fails otherwise", () => {
  const other = new Error("other");
  const take = (): never => {
    throw other;
  };
  assertEquals(thrownBy(() => takeWithSpare(take, () => assertFails())), other);
});

function thrownBy(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
  return undefined;
}

function assertFails(): never {
  throw new Error("A descriptor was given up");
}
