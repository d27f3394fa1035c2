import { Breaker, type BreakerRules, type LessonTold } from "../../lib/fleet/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";

const RULES: BreakerRules = { failures: 3, pauseMs: 1_000, maxPauseMs: 8_000 };
const UNIX_MS = 1_700_000_000_000;

function told(beganMs: number, nowMs = beganMs): LessonTold {
  return { beganMs, nowMs, why: "upstream-lost", pause: 1 };
}

/** A breaker of the router `self`, and how often it was another than before. */
function breakerOf(self: string, waitMs = 0): { breaker: Breaker; readonly changes: number[] } {
  const changes: number[] = [];
  const breaker = new Breaker(RULES, {
    self,
    unixMs: () => UNIX_MS,
    onChange: () => void changes.push(changes.length),
    waitMs: () => waitMs,
  });
  return { breaker, changes };
}

/** Have `to` hear all that `from` has to tell. */
function hear(from: Breaker, to: Breaker, nowMs: number): boolean {
  const what = from.told(nowMs);
  assert(what);
  return to.hear(what, nowMs);
}

Deno.test("Breaker.told() is nothing where nothing has ever been held against it, or nobody shares it", () => {
  const { breaker, changes } = breakerOf("0");
  breaker.learn("failed", told(0));
  breaker.learn("ok", told(0));
  assertEquals([breaker.told(0), changes], [undefined, []]);
  const alone = new Breaker(RULES);
  alone.learn("grave", told(0));
  assertEquals(alone.told(0), undefined);
  assertEquals(alone.hear({ version: 9, author: "0" }, 0), false);
});

Deno.test("Breaker.hear() is shut as another is, for as long", () => {
  const [{ breaker: one, changes }, { breaker: other }] = [breakerOf("0"), breakerOf("1")];
  one.learn("grave", told(0));
  assertEquals([changes.length, hear(one, other, 400)], [1, true]);
  assertEquals(other.verdict(400), { kind: "shut", why: "upstream-lost", untilMs: 1_000 });
  assertEquals(hear(one, other, 400), false, "it is no news");
  // Requests that began before say nothing any more.
  other.learn("failed", told(-1, 500));
  other.learn("ok", told(-1, 500));
  assertEquals(other.verdict(1_000).kind, "probation");
});

Deno.test("Breaker.hear() leaves the trial to whose it is, and heals with it", () => {
  const [{ breaker: one }, { breaker: other }] = [breakerOf("0"), breakerOf("1")];
  one.learn("grave", told(0));
  hear(one, other, 0);
  other.claim(1_000);
  hear(other, one, 1_000);
  assertEquals(one.verdict(1_500), { kind: "shut", why: "upstream-lost", untilMs: 2_000 });
  other.begin(1_600);
  hear(other, one, 1_600);
  assertEquals(one.verdict(3_000).kind, "shut");
  // A flight of its own is no trial, whatever comes of it.
  one.begin(1_700);
  one.answering(1_700);
  one.learn("failed", told(1_700));
  one.learn("nothing", told(1_700));
  assertEquals(one.verdict(3_000).kind, "shut");
  other.answering(1_600);
  hear(other, one, 1_800);
  assertEquals(one.verdict(1_800).kind, "probation", "while it is answered others may follow");
  other.learn("ok", told(1_600, 1_900));
  hear(other, one, 1_900);
  assertEquals([one.verdict(1_900).kind, one.clean], ["good", true]);
});

Deno.test("Breaker.hear() doubles the pause for all when the trial of one fails", () => {
  const [{ breaker: one }, { breaker: other }] = [breakerOf("0"), breakerOf("1")];
  one.learn("grave", told(0));
  hear(one, other, 0);
  other.begin(1_000);
  other.learn("failed", told(1_000, 1_010));
  hear(other, one, 1_010);
  assertEquals(one.dueMs, 3_010);
  one.begin(3_010);
  one.learn("failed", told(3_010));
  hear(one, other, 3_010);
  assertEquals([one.dueMs, other.dueMs], [7_010, 7_010]);
});

Deno.test("Breaker.hear() takes what is later, and of two at once that of the later name", () => {
  const [{ breaker: one }, { breaker: other }] = [breakerOf("0"), breakerOf("1")];
  one.learn("grave", told(0));
  other.learn("grave", told(100));
  assertEquals([hear(one, other, 100), hear(other, one, 100)], [false, true]);
  assertEquals([one.dueMs, other.dueMs], [1_100, 1_100]);
  assertEquals(one.told(100), other.told(100));
});

Deno.test("Breaker.hear() keeps its own trial, where another has something to add", () => {
  const [{ breaker: one }, { breaker: other }] = [breakerOf("0"), breakerOf("1")];
  one.learn("grave", told(0));
  one.begin(1_000);
  hear(one, other, 1_000);
  // Something else speaks for it: it is the other who says so.
  other.release(1_100);
  other.noted();
  hear(other, one, 1_100);
  one.learn("failed", told(1_000, 1_200));
  assertEquals(one.dueMs, 3_200, "the trial that failed was its own");
});

Deno.test("Breaker.lost() has a trial be nobody's whose router has gone", () => {
  const [{ breaker: one }, { breaker: other }] = [breakerOf("0"), breakerOf("1")];
  one.learn("grave", told(0));
  one.begin(1_000);
  hear(one, other, 1_000);
  assertEquals(other.verdict(1_100).kind, "shut");
  assertEquals([other.lost("2"), other.lost("0"), other.lost("0")], [false, true, false]);
  assertEquals(other.verdict(1_100).kind, "probation");
});

Deno.test("Breaker waits for those that go before it when it is to be tried again", () => {
  const [{ breaker: one }, { breaker: other }] = [breakerOf("0"), breakerOf("1", 100)];
  one.learn("grave", told(0));
  hear(one, other, 0);
  assertEquals([one.verdict(1_000).kind, other.verdict(1_000).kind], ["probation", "shut"]);
  assertEquals(other.verdict(1_100).kind, "probation");
  other.begin(1_050);
  other.learn("failed", told(1_050));
  assertEquals(other.dueMs, 1_100, "it was too early to be a trial");
});

Deno.test("Breaker goes on behind what was said of it before its router began anew", () => {
  const { breaker } = breakerOf("0");
  breaker.learn("grave", told(0));
  assertEquals(breaker.told(0)?.version, UNIX_MS);
  const { breaker: other } = breakerOf("1");
  other.hear({ version: UNIX_MS + 5, author: "2" }, 0);
  other.learn("grave", told(1));
  assertEquals(other.told(1)?.version, UNIX_MS + 6);
});

Deno.test("Breaker changes nothing by what is said twice", () => {
  const { breaker, changes } = breakerOf("0");
  breaker.learn("grave", told(0));
  breaker.begin(1_000);
  breaker.answering(1_000);
  const { length } = changes;
  breaker.answering(1_001);
  breaker.answering(1_002);
  assertEquals([changes.length, length], [3, 3]);
  breaker.learn("ok", told(1_000));
  breaker.learn("ok", told(1_001));
  assertEquals(changes.length, 4);
});
