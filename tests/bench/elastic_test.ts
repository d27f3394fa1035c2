import { type DayFigures, playFleet } from "../../scripts/bench/elastic/day.ts";
import { EngineModel, LIMITS } from "../../scripts/bench/elastic/engine_model.ts";
import { Histogram } from "../../scripts/bench/elastic/histogram.ts";
import { dayReport, worstHour } from "../../scripts/bench/elastic/report.ts";
import { documentShare, HOURS } from "../../scripts/bench/elastic/traffic.ts";
import { VirtualClock } from "../../scripts/bench/elastic/virtual_clock.ts";
import { assert, assertEquals, assertMatch } from "../support/assert.ts";

Deno.test("VirtualClock runs events in the order of their times, and none that is cancelled", async () => {
  const clock = new VirtualClock();
  const ran: string[] = [];
  for (const delay of [30, 10, 20, 10, 0]) {
    clock.after(delay, () => void ran.push(`${delay} at ${clock.now()}`));
  }
  clock.after(15, () => void ran.push("cancelled")).cancel();
  clock.after(5, () => void clock.after(6, () => void ran.push(`11 at ${clock.now()}`)));
  await clock.runUntil(25);
  assertEquals(ran, ["0 at 0", "10 at 10", "10 at 10", "11 at 11", "20 at 20"]);
  assertEquals(clock.now(), 25);
});

Deno.test("Histogram tells quantiles within a fiftieth", () => {
  const histogram = new Histogram();
  assert(Number.isNaN(histogram.quantile(0.5)));
  for (let value = 1; value <= 1_000; value++) histogram.add(value, 2);
  histogram.add(5_000, 0);
  assertEquals(histogram.count, 2_000);
  for (const [share, value] of [[0.5, 500], [0.99, 990], [1, 1_000]] as const) {
    const told = histogram.quantile(share);
    assert(told >= value && told <= value * 1.02, `${told}`);
  }
});

Deno.test("EngineModel computes prompts in turn and answers side by side, as many as fit", async () => {
  const clock = new VirtualClock();
  const told: string[] = [];
  let most = 0;
  const engine = new EngineModel(clock, (_ms, tokens) => void (most = Math.max(most, tokens)));
  const at = (what: string) => (): void => void told.push(what);
  engine.prefill({ tokens: 4_096, done: at("long") });
  engine.prefill({ tokens: 100, done: at("short") });
  let ended = 0;
  for (let answer = 0; answer < LIMITS.sequences + 6; answer++) {
    engine.decode({ context: 10, tokens: 20, first: () => {}, done: () => void ended++ });
  }
  await clock.runUntil(60_000);
  assertEquals(told, ["long", "short"]);
  assertEquals([most, ended], [LIMITS.sequences, LIMITS.sequences + 6]);
});

Deno.test("documentShare() swings once in a day", () => {
  assertEquals([documentShare(0), documentShare(HOURS / 2), documentShare(HOURS)], [1, 0, 1]);
});

Deno.test("worstHour() is the hour with the least share of what was asked for", () => {
  const hours = [[10, 9], [100, 50], [10, 6]] as const;
  assertEquals(
    worstHour(hours.map(([offered, done]) => ({ offered, done, prefills: 4 }))),
    1,
  );
});

/** A day in minutes that asks more of prefill engines than four can do. */
function day(role: "both" | "fixed"): Promise<DayFigures> {
  const roles = Array.from(
    { length: 8 },
    (_, at) => role === "both" ? "both" as const : at < 4 ? "prefill" as const : "decode" as const,
  );
  const rules = { intervalMs: 5_000, minPrefill: 1, minDecode: 1 };
  return playFleet({ roles, seed: 3, hourMs: 15_000, load: 1.2, rules });
}

Deno.test("elastic roles do more in the worst hour than sides for good, and do not flap", async () => {
  const [fixed, elastic] = [await day("fixed"), await day("both")];
  assertEquals([fixed.moves, fixed.ttft.count], [0, elastic.ttft.count]);
  const worst = worstHour(fixed.hours);
  const [less, more] = [fixed.hours[worst]?.done ?? 0, elastic.hours[worst]?.done ?? 0];
  assert(more > 1.15 * less, `${more} against ${less} tokens`);
  assert(elastic.ttft.quantile(0.99) < fixed.ttft.quantile(0.99));
  assert(elastic.moves >= 4 && elastic.moves <= 40, `${elastic.moves} moves`);
  for (const { prefills } of elastic.hours) assert(prefills >= 1 && prefills <= 7);
  const report = dayReport({ seed: 3, hourMs: 15_000, load: 1.2 }, fixed, elastic);
  assertMatch(report, /^\| TTFT p99 \| \d+ ms \| \d+ ms \| 0\.\d+ \|$/m);
});
