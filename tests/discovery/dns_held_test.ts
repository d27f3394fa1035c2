import { hear, type Held, NOTHING_HELD } from "../../lib/discovery/dns_held.ts";
import type { Resolution } from "../../lib/dns/mod.ts";
import { assertEquals } from "../support/assert.ts";

const RULES = { minTtlMs: 1000, maxTtlMs: 30_000, staleMs: 10_000 } as const;
const PLACES = [{ address: "10.0.0.1" }];
const HELD: Held = { ...NOTHING_HELD, places: PLACES, heard: true };

function found(ttlMs: number): Resolution {
  return { kind: "found", places: PLACES, ttlMs };
}

function none(exists: boolean, ttlMs?: number): Resolution {
  return { kind: "none", exists, ttlMs };
}

const FAILED: Resolution = { kind: "failed", why: "no answer" };

Deno.test("hear() asks again when the answer is over, within bounds", () => {
  for (const [ttlMs, waitMs] of [[0, 1000], [5000, 5000], [3_600_000, 30_000]] as const) {
    assertEquals(hear(NOTHING_HELD, found(ttlMs), 0, RULES), { held: HELD, waitMs });
  }
});

Deno.test("hear() keeps what it holds while nobody can say, without end, and asks ever less", () => {
  let held = HELD;
  const waits: number[] = [];
  for (let round = 0; round < 40; round++) {
    const next = hear(held, FAILED, round * 1_000_000, RULES);
    held = next.held;
    waits.push(next.waitMs);
  }
  assertEquals([held.places, held.ailment], [PLACES, "no answer"]);
  assertEquals(waits.slice(0, 7), [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
  assertEquals(hear(held, found(5000), 0, RULES), { held: HELD, waitMs: 5000 });
});

Deno.test("hear() has heard nothing of a name that nobody could say anything of", () => {
  assertEquals(hear(NOTHING_HELD, FAILED, 0, RULES).held.heard, false);
  assertEquals(hear(NOTHING_HELD, none(false), 0, RULES).held.heard, true);
  assertEquals(hear(NOTHING_HELD, none(true), 0, RULES).held.heard, true);
});

Deno.test("hear() believes an answer without records when it comes again", () => {
  const first = hear(HELD, none(true, 20_000), 0, RULES);
  assertEquals([first.held.places, first.waitMs], [PLACES, 1000]);
  const second = hear(first.held, none(true, 20_000), 1000, RULES);
  assertEquals([second.held.places, second.waitMs], [[], 20_000]);
  assertEquals(second.held.ailment, undefined);
  // One between that has records: the next is the first again.
  const { held } = hear(hear(HELD, none(true), 0, RULES).held, found(5000), 0, RULES);
  assertEquals(hear(held, none(true), 0, RULES).held.places, PLACES);
});

Deno.test("hear() keeps the engines of a name that is gone for a time", () => {
  const first = hear(HELD, none(false, 30_000), 50_000, RULES);
  assertEquals([first.held.places, first.waitMs], [PLACES, 1000]);
  assertEquals(first.held.ailment, "there is no such name (NXDOMAIN)");
  const late = hear(first.held, none(false), 59_500, RULES);
  assertEquals([late.held.places, late.waitMs], [PLACES, 500]);
  const over = hear(late.held, none(false, 8000), 60_000, RULES);
  assertEquals([over.held.places, over.waitMs], [[], 8000]);
  // That nobody can say between is no reason to wait longer, nor to let them go.
  const failed = hear(late.held, FAILED, 90_000, RULES);
  assertEquals(failed.held.places, PLACES);
  assertEquals(hear(failed.held, none(false), 90_001, RULES).held.places, []);
  const back = hear(late.held, found(5000), 59_900, RULES);
  assertEquals(hear(back.held, none(false), 61_000, RULES).held.places, PLACES);
});

Deno.test("hear() lets them go at once where nothing is to be kept", () => {
  assertEquals(hear(HELD, none(false), 0, { ...RULES, staleMs: 0 }).held.places, []);
});
