/** What must not grow, and how much is too much: gross regressions alone. Pure. @module */

/** One of them. */
export type CheckName = "request" | "token" | "handoff" | "event" | "memory";

/** What a check says. */
export interface Check {
  readonly what: string;
  /** The most that is let through. */
  readonly most: number;
}

/**
 * All checks. Each is a ratio of two figures of one run, so that it holds on slow machines and on
 * busy ones; limits are more than twice what was measured on either.
 */
export const CHECKS: Readonly<Record<CheckName, Check>> = {
  request: { what: "CPU of a direct request, as a multiple of engine's and client's", most: 60 },
  token: { what: "CPU of a token that a handoff passes on, in the same way", most: 8 },
  handoff: { what: "CPU of a P1 handoff, in the same way", most: 250 },
  event: { what: "CPU for a MB of an event of 8 MB, as a multiple of one of 2 MB", most: 2.5 },
  memory: { what: "memory after 500 streams, as a multiple of that before", most: 3 },
};

/** How often a check is measured before it has failed: what was in the way once need not be again. */
export const TRIES = 3;

/** What came of a check: the smallest ratio that was measured, and whether it is let through. */
export interface Verdict {
  readonly ratio: number;
  readonly passed: boolean;
}

/** The verdict on `name` after its `ratios` so far; one that is no number is not let through. */
export function verdictOn(name: CheckName, ratios: readonly number[]): Verdict {
  const ratio = Math.min(...ratios.map((one) => Number.isNaN(one) ? Infinity : one));
  return { ratio, passed: ratio <= CHECKS[name].most };
}

/** A line about one check. */
export function verdictLine(name: CheckName, { ratio, passed }: Verdict): string {
  const { what, most } = CHECKS[name];
  return `${passed ? "ok    " : "FAILED"} ${name}: ${ratio.toFixed(2)}, at most ${most} (${what})`;
}
