/** What holds of a name, after all that was said of it. Pure. @module */
import type { DnsOptions } from "../config/mod.ts";
import type { Place, Resolution } from "../dns/mod.ts";

/** What is known of a name. */
export interface Held {
  /** Where its engines are. */
  readonly places: readonly Place[];
  /** Some server has said what there is, be it nothing. */
  readonly heard: boolean;
  /** Answers in a row that have no record. */
  readonly empty: number;
  /** Failures in a row. */
  readonly failures: number;
  /** Since when there is no such name. */
  readonly missingSince: number | undefined;
  /** Why its engines are not known, or are those of an older answer; undefined where all is well. */
  readonly ailment: string | undefined;
}

/** Of a name that nobody was asked for. */
export const NOTHING_HELD: Held = {
  places: [],
  heard: false,
  empty: 0,
  failures: 0,
  missingSince: undefined,
  ailment: undefined,
};

/** For how long answers count, in milliseconds. */
export type HoldRules = Pick<DnsOptions, "minTtlMs" | "maxTtlMs" | "staleMs">;

/** Answers without a record in a row that are believed: a server that starts may say so once. */
const BELIEVED_EMPTY = 2;

/** What holds once `said` was said, and when to ask again, in milliseconds. */
export function hear(
  held: Held,
  said: Resolution,
  nowMs: number,
  rules: HoldRules,
): { readonly held: Held; readonly waitMs: number } {
  const { minTtlMs, maxTtlMs } = rules;
  const bounded = (ttlMs: number): number => Math.min(Math.max(ttlMs, minTtlMs), maxTtlMs);
  switch (said.kind) {
    case "found":
      return {
        held: { ...NOTHING_HELD, heard: true, places: said.places },
        waitMs: bounded(said.ttlMs),
      };
    case "none": {
      const next = said.exists ? emptied(held) : missing(held, nowMs, rules);
      const gone = { ...next.held, heard: true };
      if (next.leftMs > 0 && held.places.length > 0) {
        return { held: gone, waitMs: Math.min(minTtlMs, next.leftMs) };
      }
      return { held: { ...gone, places: [] }, waitMs: bounded(said.ttlMs ?? minTtlMs) };
    }
    case "failed": {
      const failures = held.failures + 1;
      return {
        held: { ...held, failures, ailment: said.why },
        waitMs: bounded(minTtlMs * 2 ** Math.min(failures - 1, MOST_DOUBLINGS)),
      };
    }
    default:
      return said satisfies never;
  }
}

/** From a tenth of a second to a day. */
const MOST_DOUBLINGS = 20;

/** What holds but for the places, which stay for `leftMs` more. */
interface Waning {
  readonly held: Held;
  readonly leftMs: number;
}

/** The name is there, and has no record. */
function emptied(held: Held): Waning {
  const empty = held.empty + 1;
  const next = { ...held, empty, failures: 0, missingSince: undefined, ailment: undefined };
  return { held: next, leftMs: empty < BELIEVED_EMPTY ? Infinity : 0 };
}

/** There is no such name. */
function missing(held: Held, nowMs: number, { staleMs }: HoldRules): Waning {
  const { missingSince = nowMs } = held;
  const ailment = "there is no such name (NXDOMAIN)";
  return {
    held: { ...held, empty: 0, failures: 0, missingSince, ailment },
    leftMs: missingSince + staleMs - nowMs,
  };
}
