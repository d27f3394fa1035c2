/** A day of requests that swings from long prompts to long answers and back. @module */
import type { Clock, Random } from "../../../lib/base/mod.ts";

/** One request. */
export interface TrafficRequest {
  readonly promptTokens: number;
  readonly answerTokens: number;
}

/** A kind of request: its means, in tokens, and how many come in a second at its most and least. */
interface Kind {
  readonly prompt: number;
  readonly answer: number;
  readonly most: number;
  readonly least: number;
}

/** Documents that are asked about, and stories that are told. */
const KINDS = {
  documents: { prompt: 6_000, answer: 80, most: 7.5, least: 0.8 },
  stories: { prompt: 400, answer: 600, most: 16, least: 1.5 },
} as const satisfies Readonly<Record<string, Kind>>;

/** Hours of the day. */
export const HOURS = 24;

/** Spread of the lengths: the deviation of their logarithms. */
const SPREAD = 0.5;

/** How much of the swing belongs to documents in `hour`, a fraction of the day; the rest is the others'. */
export function documentShare(hour: number): number {
  return 0.5 + 0.5 * Math.cos(2 * Math.PI * hour / HOURS);
}

/** When a day's requests come. */
export interface DayRhythm {
  readonly hourMs: number;
  /** So many times the usual requests come. */
  readonly load: number;
}

/** Requests by chance for a day; `send` gets each as it comes. */
export function playDay(
  clock: Clock,
  random: Pick<Random, "next">,
  { hourMs, load }: DayRhythm,
  send: (request: TrafficRequest) => void,
): void {
  const play = (kind: Kind, shareAt: (hour: number) => number): void => {
    const next = (): void => {
      const hour = clock.now() / hourMs;
      if (hour >= HOURS) return;
      const rate = load * (kind.least + (kind.most - kind.least) * shareAt(hour));
      clock.after(-Math.log(1 - random.next()) * 1_000 / rate, () => {
        if (clock.now() / hourMs >= HOURS) return;
        send({
          promptTokens: lengthOf(random, kind.prompt),
          answerTokens: lengthOf(random, kind.answer),
        });
        next();
      });
    };
    next();
  };
  play(KINDS.documents, documentShare);
  play(KINDS.stories, (hour) => 1 - documentShare(hour));
}

/** A length by chance around `mean`, in tokens: many shorter ones, few much longer. */
function lengthOf(random: Pick<Random, "next">, mean: number): number {
  const normal = Math.sqrt(-2 * Math.log(1 - random.next())) *
    Math.cos(2 * Math.PI * random.next());
  const length = mean * Math.exp(SPREAD * normal - SPREAD * SPREAD / 2);
  return Math.max(2, Math.min(32_000, Math.round(length)));
}
