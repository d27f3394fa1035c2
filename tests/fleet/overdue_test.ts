import { seededRandom } from "../../lib/base/mod.ts";
import { type Awaited, OverdueWatch } from "../../lib/fleet/overdue.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { FakeClock } from "../support/fake_clock.ts";

/** A watch with a floor of 1.5 s, and whom it told of, with the time. */
function watching(): {
  readonly clock: FakeClock;
  readonly watch: OverdueWatch;
  readonly told: (readonly [id: string, atMs: number])[];
} {
  const clock = new FakeClock();
  const told: (readonly [string, number])[] = [];
  const onOverdue = (id: string): void => void told.push([id, clock.now()]);
  return { clock, told, watch: new OverdueWatch({ clock, floorMs: 1_500, onOverdue }) };
}

Deno.test("OverdueWatch tells of an engine that has answered nothing for longer than the floor", async () => {
  const { clock, watch, told } = watching();
  watch.began("a", "prefill");
  await clock.advance(1_500);
  assertEquals([told, watch.overdueMs("a")], [[], undefined]);
  await clock.advance(500);
  assertEquals([told, watch.overdueMs("a")], [[["a", 2_000]], 2_000]);
});

Deno.test("OverdueWatch takes the beginning of any answer as a sign of life", async () => {
  const { clock, watch, told } = watching();
  watch.began("a", "prefill");
  for (let second = 0; second < 10; second++) {
    await clock.advance(1_000);
    watch.answered("a", watch.began("a", "decode"));
  }
  assertEquals(told, []);
  await clock.advance(2_500);
  assertEquals(told.map(([id]) => id), ["a"]);
});

Deno.test("OverdueWatch waits for longer where answers use to take longer, and no longer than 5 s", async () => {
  for (const [usualMs, toldMs] of [[100, 2_000], [2_000, 3_500], [60_000, 5_500]] as const) {
    const { clock, watch, told } = watching();
    const slow = watch.began("a", "prefill");
    await clock.advance(usualMs);
    watch.answered("a", slow);
    told.length = 0;
    await clock.advance(500 - clock.now() % 500);
    const since = clock.now();
    watch.began("a", "prefill");
    await clock.advance(toldMs - 500);
    assertEquals(told, [], `${usualMs}`);
    await clock.advance(500);
    assertEquals(told, [["a", since + toldMs]], `${usualMs}`);
  }
});

Deno.test("OverdueWatch goes by what each leg uses to take", async () => {
  const { clock, watch, told } = watching();
  const slow = watch.began("a", "direct");
  await clock.advance(4_000);
  watch.answered("a", slow);
  told.length = 0;
  watch.began("a", "prefill");
  await clock.advance(2_000);
  assertEquals(told.map(([id]) => id), ["a"]);
});

Deno.test("OverdueWatch tells again while an engine is overdue, less and less often", async () => {
  const { clock, watch, told } = watching();
  watch.began("a", "direct");
  await clock.advance(200_000);
  const times = told.map(([, atMs]) => atMs);
  assertEquals(times.slice(0, 5), [2_000, 4_000, 8_000, 16_000, 32_000]);
  assertEquals(times.slice(5), [62_000, 92_000, 122_000, 152_000, 182_000]);
});

Deno.test("OverdueWatch holds nothing of requests that have ended, and looks no more", async () => {
  const { clock, watch, told } = watching();
  const [one, other] = [watch.began("a", "prefill"), watch.began("b", "decode")];
  assertEquals(clock.pending, 1);
  watch.ended("a", one);
  watch.answered("b", other);
  watch.ended("b", other);
  watch.ended("gone", other);
  await clock.advance(10_000);
  assertEquals([told, clock.pending], [[], 0]);
  watch.began("a", "prefill");
  await clock.advance(2_500);
  assertEquals([told.length, clock.pending], [1, 1]);
  watch[Symbol.dispose]();
  assertEquals(clock.pending, 0);
});

Deno.test("OverdueWatch forgets engines that have gone, with what they owe", async () => {
  const { clock, watch, told } = watching();
  const owed = watch.began("a", "prefill");
  watch.forget("a");
  watch.forget("never");
  watch.answered("a", owed);
  watch.ended("a", owed);
  await clock.advance(10_000);
  assertEquals([told, clock.pending, watch.overdueMs("a")], [[], 0, undefined]);
});

Deno.test("OverdueWatch never tells of an engine that answers within the floor, whatever comes and goes", async () => {
  const random = seededRandom(11);
  const { clock, watch, told } = watching();
  const owed: { id: string; awaited: Awaited; dueMs: number }[] = [];
  for (let step = 0; step < 2_000; step++) {
    const id = `e${Math.floor(random.next() * 5)}`;
    const answersInMs = id === "e0" ? Infinity : 1 + random.next() * 1_200;
    owed.push({ id, awaited: watch.began(id, "decode"), dueMs: clock.now() + answersInMs });
    await clock.advance(random.next() * 100);
    for (const due of owed.filter(({ dueMs }) => dueMs <= clock.now())) {
      if (random.next() < 0.5) watch.answered(due.id, due.awaited);
      watch.ended(due.id, due.awaited);
      owed.splice(owed.indexOf(due), 1);
    }
  }
  assert(told.length > 0);
  assertEquals(new Set(told.map(([id]) => id)), new Set(["e0"]));
});
