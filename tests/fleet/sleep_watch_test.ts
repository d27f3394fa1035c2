import { type FetchCards, type Outcome, SleepWatch, takeOff } from "../../lib/fleet/mod.ts";
import { assertEquals, assertRejects } from "../support/assert.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { cards, engine } from "./support.ts";

const A = engine("a");

/** A watch of an engine that says what `answers` say in turn, and what it came to. */
function watched(...answers: readonly (boolean | undefined)[]) {
  const left = [...answers];
  const told: boolean[] = [];
  const may = { ask: true };
  const watch = new SleepWatch({
    isAsleep: () => {
      if (left.length === 0) throw new Error("asked too often");
      return Promise.resolve(left.shift());
    },
    setAsleep: (_engine, asleep) => void told.push(asleep),
    mayAsk: () => may.ask,
  });
  const ask = async (fetch: FetchCards = () => Promise.resolve(cards(["m"]))): Promise<unknown> => {
    const { clock, onLanded } = { clock: new FakeClock(), onLanded: () => {} };
    const flight = takeOff({ clock, engine: A, leg: "models", peer: undefined, onLanded });
    return await watch.behind(fetch)(flight, new AbortController().signal);
  };
  return { watch, told, left, ask, may };
}

const ENDED = { engine: A, leg: "direct", peer: undefined, headMs: 1, ms: 1 } as const;
const FAILED: Outcome = { ...ENDED, end: "failed", code: "upstream-lost", status: undefined };
const OK: Outcome = { ...ENDED, end: "ok", code: undefined, status: 200 };

Deno.test("SleepWatch asks an engine once, and again when something of it has failed", async () => {
  const { watch, told, left, ask } = watched(false, undefined, false);
  assertEquals(await ask(), cards(["m"]));
  await ask();
  watch.landed(OK);
  await ask();
  assertEquals([told, left.length], [[false], 2]);
  watch.landed(FAILED);
  await ask();
  await ask();
  assertEquals([told, left.length], [[false], 1]);
  watch.landed({ ...OK, status: 500 });
  await ask();
  assertEquals([told, left], [[false, false], []]);
});

Deno.test("SleepWatch asks an engine that sleeps each time, and one that has changed", async () => {
  const { watch, told, ask } = watched(true, true, false, false);
  for (let turn = 0; turn < 4; turn++) await ask();
  assertEquals(told, [true, true, false]);
  watch.follow({ kind: "added", engine: A });
  watch.follow({ kind: "leaving", engine: A });
  await ask();
  watch.follow({ kind: "changed", engine: A });
  await ask();
  assertEquals(told, [true, true, false, false]);
});

Deno.test("SleepWatch asks only engines that it may, and keeps asking whether it may", async () => {
  const { told, ask, may } = watched(true);
  may.ask = false;
  assertEquals(await ask(), cards(["m"]));
  assertEquals(told, []);
  may.ask = true;
  await ask();
  assertEquals(told, [true]);
});

Deno.test("SleepWatch asks nothing of an engine that does not say what it serves", async () => {
  const { told, ask } = watched(false);
  await assertRejects(() => ask(() => Promise.reject(new Error("down"))), Error, "down");
  assertEquals(told, []);
  await ask();
  assertEquals(told, [false]);
});
