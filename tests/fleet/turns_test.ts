import { Turns } from "../../lib/fleet/turns.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { settle } from "../support/fake_clock.ts";

const NEVER = new AbortController().signal;

Deno.test("Turns.take() gives so many turns at once, and the next in the order they were asked for", async () => {
  const turns = new Turns(2);
  const first = await turns.take(NEVER);
  const second = await turns.take(NEVER);
  assert(first !== undefined && second !== undefined);
  const had: string[] = [];
  const waiting = ["a", "b", "c"].map(async (name) => {
    const turn = await turns.take(NEVER);
    had.push(name);
    return turn;
  });
  await settle();
  assertEquals([had, turns.waiting], [[], 3]);
  second.release();
  second.release();
  await settle();
  assertEquals([had, turns.waiting], [["a"], 2]);
  first.release();
  (await waiting[0])?.release();
  await settle();
  assertEquals([had, turns.waiting], [["a", "b", "c"], 0]);
  for (const turn of await Promise.all(waiting)) turn?.release();
  assert(await turns.take(NEVER) !== undefined);
  assert(await turns.take(NEVER) !== undefined);
});

Deno.test("Turns.take() is left at once, and costs the others nothing", async () => {
  const turns = new Turns(1);
  const held = await turns.take(NEVER);
  const gone = new AbortController();
  const left = turns.take(gone.signal);
  const after = turns.take(NEVER);
  gone.abort();
  assertEquals(await left, undefined);
  assertEquals(await turns.take(gone.signal), undefined);
  assertEquals(turns.waiting, 1);
  held?.release();
  assert(await after !== undefined);
});
