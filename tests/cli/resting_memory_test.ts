import { type ProcessMemory, RestingMemory, returnMemory } from "../../lib/cli/resting_memory.ts";
import { assertEquals } from "../support/assert.ts";
import { FakeClock } from "../support/fake_clock.ts";

const MIB = 1024 * 1024;

/** A process whose figures a test sets. */
class Process implements ProcessMemory {
  cpu = 0;
  mib = 100;
  /** How much is left when it is given back. */
  leaves = 100;
  given = 0;

  cpuMs(): number {
    return this.cpu;
  }

  residentBytes(): number {
    return this.mib * MIB;
  }

  giveBack(): void {
    this.given++;
    this.mib = this.leaves;
  }
}

/** Lets seconds go by, in each of which so many milliseconds of CPU time are taken. */
async function pass(clock: FakeClock, of: Process, seconds: number, cpuMs: number): Promise<void> {
  for (let second = 0; second < seconds; second++) {
    of.cpu += cpuMs;
    await clock.advance(1_000);
  }
}

Deno.test("returnMemory() gives back what a burst has taken, once the process has rested", async () => {
  const clock = new FakeClock();
  const process = new Process();
  using timer = returnMemory(clock, process);
  await pass(clock, process, 10, 500);
  process.mib = 180;
  await pass(clock, process, 10, 900);
  await pass(clock, process, 44, 10);
  assertEquals(process.given, 0);
  await pass(clock, process, 6, 10);
  assertEquals([process.given, process.mib], [1, 100]);
  await pass(clock, process, 600, 10);
  assertEquals(process.given, 1);
  process.mib = 180;
  await pass(clock, process, 10, 900);
  await pass(clock, process, 60, 0);
  assertEquals(process.given, 2);
  timer?.cancel();
  assertEquals(clock.pending, 0);
});

Deno.test("returnMemory() gives nothing back of a process that works, or for little", async () => {
  const clock = new FakeClock();
  const process = new Process();
  using _timer = returnMemory(clock, process);
  await pass(clock, process, 10, 0);
  process.mib = 180;
  await pass(clock, process, 600, 25);
  assertEquals(process.given, 0);
  process.mib = 115;
  await pass(clock, process, 600, 0);
  assertEquals(process.given, 0);
  process.mib = 116;
  await pass(clock, process, 5, 0);
  assertEquals(process.given, 1);
});

Deno.test("returnMemory() does not try again for what could not be given back", async () => {
  const clock = new FakeClock();
  const process = new Process();
  process.leaves = 170;
  using _timer = returnMemory(clock, process);
  await pass(clock, process, 5, 0);
  process.mib = 180;
  await pass(clock, process, 600, 0);
  assertEquals(process.given, 1);
});

Deno.test("returnMemory() leaves it to V8 where that was not told otherwise", () => {
  const clock = new FakeClock();
  assertEquals([returnMemory(clock, undefined), clock.pending], [undefined, 0]);
});

Deno.test("RestingMemory counts rest from the last work, and growth from the least there was", () => {
  const resting = new RestingMemory(0, 0);
  assertEquals(resting.look(5_000, 50, 100 * MIB), false);
  // As much as a process at rest may take.
  assertEquals(resting.look(10_000, 150, 90 * MIB), false);
  assertEquals(resting.look(15_000, 251, 106 * MIB), false);
  assertEquals(resting.look(59_999, 251, 106 * MIB), false);
  assertEquals(resting.look(60_000, 251, 105 * MIB), false);
  assertEquals(resting.look(60_001, 251, 106 * MIB), true);
  resting.gaveBack(104 * MIB);
  assertEquals(resting.look(60_002, 251, 119 * MIB), false);
  assertEquals(resting.look(60_003, 251, 120 * MIB), true);
});
