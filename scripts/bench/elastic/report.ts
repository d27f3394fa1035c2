/** What two days come to, side by side. @module */
import type { DayFigures, HourFigures } from "./day.ts";

/** The hour in which the fewest of the tokens asked for were done. */
export function worstHour(hours: readonly HourFigures[]): number {
  let worst = 0;
  for (const [at, { done, offered }] of hours.entries()) {
    const than = hours[worst];
    if (than !== undefined && done / offered < than.done / than.offered) worst = at;
  }
  return worst;
}

/** A table of both days, as Markdown. */
export function dayReport(
  { seed, hourMs, load }: { readonly seed: number; readonly hourMs: number; readonly load: number },
  fixed: DayFigures,
  elastic: DayFigures,
): string {
  const seconds = hourMs / 1_000;
  const worst = worstHour(fixed.hours);
  const rate = ({ hours }: DayFigures, at: number): number => (hours[at]?.done ?? 0) / seconds;
  const row = (name: string, of: (day: DayFigures) => number, unit: string): string => {
    const [one, other] = [of(fixed), of(elastic)];
    return `| ${name} | ${shown(one)} ${unit} | ${shown(other)} ${unit} | ${shown(other / one)} |`;
  };
  const hours = fixed.hours.map(({ offered }, at) =>
    `| ${at} | ${shown(offered / seconds)} | ${shown(rate(fixed, at))} | ` +
    `${shown(rate(elastic, at))} | ${elastic.hours[at]?.prefills ?? 0} |`
  );
  return [
    `Seed ${seed}, ${load} times the usual requests, an hour of ${seconds} s`,
    "",
    "| | 4P4D | elastic | ratio |",
    "|---|---|---|---|",
    row(`tokens/s, hour ${worst}`, (day) => rate(day, worst), ""),
    row("TTFT p50", ({ ttft }) => ttft.quantile(0.5), "ms"),
    row("TTFT p99", ({ ttft }) => ttft.quantile(0.99), "ms"),
    row("ITL p50", ({ itl }) => itl.quantile(0.5), "ms"),
    row("ITL p99", ({ itl }) => itl.quantile(0.99), "ms"),
    `| moves | ${fixed.moves} | ${elastic.moves} | |`,
    "",
    "| hour | tokens/s asked for | 4P4D | elastic | engines that prefill |",
    "|---|---|---|---|---|",
    ...hours,
    "",
  ].join("\n");
}

function shown(value: number): string {
  return value >= 100 ? String(Math.round(value)) : value.toFixed(2);
}
