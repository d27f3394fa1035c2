/** One day of one fleet: the router's own choices and moves over engines that are queues. @module */
import { type Engine, seededRandom, silentLogger } from "../../../lib/base/mod.ts";
import { Fleet, GroupWatch, type SplitRules, staticSource } from "../../../lib/fleet/mod.ts";
import { GOOD, policiesFor, type PromptFacts } from "../../../lib/selection/mod.ts";
import { EngineModel, LIMITS } from "./engine_model.ts";
import { Histogram } from "./histogram.ts";
import { type DayRhythm, HOURS, playDay, type TrafficRequest } from "./traffic.ts";
import { VirtualClock } from "./virtual_clock.ts";

/** What a day is made of. */
export interface DayOptions extends DayRhythm {
  readonly roles: readonly Engine["role"][];
  readonly seed: number;
  readonly rules: SplitRules;
}

/** What came of an hour. */
export interface HourFigures {
  /** Prompt and answer tokens that were asked for, and that were done. */
  offered: number;
  done: number;
  /** Engines on the prefill side at its end. */
  prefills: number;
}

/** What came of a day; times in milliseconds. */
export interface DayFigures {
  readonly ttft: Histogram;
  readonly itl: Histogram;
  readonly hours: readonly HourFigures[];
  readonly moves: number;
}

/** Until KV is there: a little for the exchange, and the way of each 1,000 tokens. */
const MOVE_MS = 8;
const MOVE_MS_PER_1000 = 4;

const MODEL = "m";
const TAKES = (): boolean => true;

/** Play the day, and what is left of it when it is over. */
export async function playFleet(
  { roles, seed, hourMs, load, rules }: DayOptions,
): Promise<DayFigures> {
  const clock = new VirtualClock();
  const random = seededRandom(seed);
  const ttft = new Histogram();
  const itl = new Histogram();
  const hours = Array.from({ length: HOURS }, () => ({ offered: 0, done: 0, prefills: 0 }));
  let moves = 0;
  const engines = roles.map((role, at): Engine => ({
    id: `e${at}`,
    url: `http://e${at}:8000`,
    role,
    models: [MODEL],
    kv: "nixl",
    maxNumSeqs: LIMITS.sequences,
  }));
  await using fleet = new Fleet({
    clock,
    random: seededRandom(seed + 1),
    log: silentLogger(),
    health: {
      report: () => {},
      engine: () => GOOD,
      pair: () => GOOD,
      forget: () => {},
    },
    policies: policiesFor({ kind: "power_of_two" }, { random: seededRandom(seed + 2) }),
    fetchCards: () => Promise.resolve([{ id: MODEL }]),
    observer: { onInflight: () => {}, onOutcome: () => {}, onVerdict: () => {} },
    seats: { prefill: undefined, serving: undefined },
  });
  using _watch = new GroupWatch({
    clock,
    log: silentLogger(),
    fleet,
    rules,
    onMove: () => void moves++,
  });
  const models = new Map(engines.map(({ id }) => [
    id,
    new EngineModel(clock, (ms, tokens) => itl.add(ms, tokens)),
  ]));
  const modelOf = ({ id }: Engine): EngineModel => {
    const found = models.get(id);
    if (found === undefined) throw new Error(`No model of ${id}`);
    return found;
  };
  const hourNow = (): HourFigures | undefined => hours[Math.floor(clock.now() / hourMs)];
  const did = (tokens: number): void => {
    const hour = hourNow();
    if (hour !== undefined) hour.done += tokens;
  };
  const followed = fleet.follow(staticSource(engines));
  await settle(clock);
  await followed;
  const send = ({ promptTokens, answerTokens }: TrafficRequest): void => {
    const beganMs = clock.now();
    const hour = hourNow();
    if (hour !== undefined) hour.offered += promptTokens + answerTokens;
    const prompt: PromptFacts = {
      tokens: promptTokens,
      chunks: () => NO_CHUNKS,
      cachedAt: () => undefined,
    };
    const choice = fleet.choosePair({
      model: MODEL,
      mode: "d1",
      attempt: 1,
      takes: TAKES,
      prompt,
    });
    if (choice.kind !== "pair") throw new Error(`No pair: ${choice.kind}`);
    const { prefill, decode } = choice.pair;
    const flight = fleet.take(prefill, "prefill", decode, undefined, { prompt });
    modelOf(prefill).prefill({
      tokens: promptTokens,
      done() {
        flight.head(200);
        flight.ok();
        did(promptTokens);
        const answer = fleet.take(decode, "decode", prefill);
        clock.after(
          MOVE_MS + MOVE_MS_PER_1000 * promptTokens / 1_000,
          () =>
            modelOf(decode).decode({
              context: promptTokens,
              tokens: answerTokens,
              first() {
                answer.head(200);
                ttft.add(clock.now() - beganMs, 1);
              },
              done() {
                answer.ok();
                did(answerTokens);
              },
            }),
        );
      },
    });
  };
  playDay(clock, random, { hourMs, load }, send);
  for (const [hour, figures] of hours.entries()) {
    await clock.runUntil((hour + 1) * hourMs - 1);
    figures.prefills = fleet.snapshot().engines.filter(({ role }) => role === "prefill").length;
  }
  // Requests that are left have waited, too.
  while (fleet.inflight > 0) await clock.runUntil(clock.now() + hourMs);
  return { ttft, itl, hours, moves };
}

const NO_CHUNKS = new Float64Array(0);

/** Have the engines tell their models. */
async function settle(clock: VirtualClock): Promise<void> {
  for (let turn = 0; turn < 10; turn++) {
    await new Promise<void>((resolve) => setTimeout(resolve));
    await clock.runUntil(clock.now() + 1);
  }
}
