import { TurnMeter } from "../../lib/base/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { settle } from "../support/fake_clock.ts";
import { TurnClock } from "../support/turn_clock.ts";

const BUDGET = 640;

/** Less than a 64th of it. */
const SMALL = 8;

/** Spends `amount` as `name`, which is noted when it is its turn. */
function spend(meter: TurnMeter, gone: string[], name: string, amount: number): void {
  const turn = meter.spend(amount);
  if (turn === undefined) gone.push(name);
  else turn.then(() => gone.push(name));
}

Deno.test("TurnMeter lets through what a turn has room for, and one amount more", async () => {
  const clock = new TurnClock();
  using meter = new TurnMeter(clock, BUDGET);
  const gone: string[] = [];
  for (const name of ["a", "b", "c", "d"]) spend(meter, gone, name, 300);
  assertEquals(gone, ["a", "b", "c"]);
  await clock.turn();
  assertEquals(gone, ["a", "b", "c", "d"]);
});

Deno.test("TurnMeter lets those who wait go on in their order, as many in a turn as it has room for", async () => {
  const clock = new TurnClock();
  using meter = new TurnMeter(clock, BUDGET);
  const gone: string[] = [];
  for (let index = 0; index < 10; index++) spend(meter, gone, `${index}`, 320);
  const counts = [gone.length];
  while (gone.length < 10) {
    await clock.turn();
    counts.push(gone.length);
  }
  assertEquals(counts, [2, 4, 6, 8, 10]);
  assertEquals(gone, ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
});

Deno.test("TurnMeter lets what is small overtake what is not, and both get on", async () => {
  const clock = new TurnClock();
  using meter = new TurnMeter(clock, BUDGET);
  const gone: string[] = [];
  for (let index = 0; index < 4; index++) spend(meter, gone, `large ${index}`, BUDGET);
  for (let index = 0; index < 41; index++) spend(meter, gone, `small ${index}`, SMALL);
  const small = (from: number, to: number): readonly string[] =>
    Array.from({ length: to - from }, (_, at) => `small ${from + at}`);
  // A quarter of the budget more is there for what is small.
  assertEquals(gone.splice(0), ["large 0", ...small(0, 20)]);
  await clock.turn();
  assertEquals(gone.splice(0), ["large 1", ...small(20, 40)]);
  await clock.turn();
  assertEquals(gone.splice(0), ["large 2", "small 40"]);
  await clock.turn();
  assertEquals(gone, ["large 3"]);
});

Deno.test("TurnMeter counts anew in each turn, and has no timer where little is done", async () => {
  const clock = new TurnClock();
  using meter = new TurnMeter(clock, BUDGET);
  const gone: string[] = [];
  spend(meter, gone, "a", 100);
  assertEquals(clock.pending, 0);
  for (let turn = 0; turn < 5; turn++) {
    spend(meter, gone, "b", BUDGET - 200);
    assertEquals(clock.pending, 1);
    await clock.turn();
  }
  assertEquals([gone.length, clock.pending], [6, 0]);
});

Deno.test("TurnMeter, disposed, holds nobody back and leaves no timer", async () => {
  const clock = new TurnClock();
  const gone: string[] = [];
  const meter = new TurnMeter(clock, BUDGET);
  for (let index = 0; index < 3; index++) spend(meter, gone, `${index}`, BUDGET);
  assertEquals([gone.length, clock.pending], [1, 1]);
  meter[Symbol.dispose]();
  await settle();
  assertEquals([gone.length, clock.pending], [3, 0]);
  // Who still has it is not held back either.
  for (let index = 0; index < 3; index++) spend(meter, gone, `late ${index}`, BUDGET);
  assertEquals([gone.length, clock.pending], [6, 0]);
});

Deno.test("TurnMeter lets less begin behind turns that were too long, and more again behind short ones", async () => {
  const clock = new TurnClock();
  using meter = new TurnMeter(clock, 32, 8);
  const gone: string[] = [];
  for (let index = 0; index < 1_000; index++) spend(meter, gone, `${index}`, 1);
  const inTurn = async (elapsedMs: number): Promise<number> => {
    const before = gone.length;
    await clock.advance(elapsedMs);
    await clock.turn();
    return gone.length - before;
  };
  assertEquals(gone.length, 32);
  assertEquals(await inTurn(8), 32);
  assertEquals(await inTurn(16), 16);
  // No turn leaves less than an eighth.
  assertEquals(await inTurn(32), 4);
  assertEquals(await inTurn(1_000), 4);
  const counts: number[] = [];
  for (let turn = 0; turn < 11; turn++) counts.push(await inTurn(1));
  assertEquals(counts, [5, 7, 8, 10, 13, 16, 20, 24, 30, 32, 32]);
});
