/** What one of several routers that are seen as one gives for the stream of all. @module */
import type {
  DistributionLive,
  DistributionName,
  EngineLive,
  PairLive,
  RequestView,
  RouterLive,
} from "./shapes.ts";

/** Requests that one event tells of. */
export const MAX_TOLD = 100;

/** One router at a moment. */
export interface LivePart {
  /** When it began, in Unix seconds. */
  readonly started: number;
  readonly engines: readonly EngineLive[];
  readonly pairs: readonly PairLive[];
  readonly router: Omit<RouterLive, "rate">;
  readonly times: readonly (readonly [name: DistributionName, times: DistributionLive])[];
  /** Requests that have ended so far, of those that are kept. */
  readonly count: number;
  /** Those that have ended since it was asked before, the earliest first, `MAX_TOLD` at most. */
  readonly ended: readonly RequestView[];
}

/** A part, and whose it is: a name that no other life of a router has had. */
export interface NamedPart {
  readonly of: string;
  readonly part: LivePart;
}

/** How many requests of each router are known, by its name; none before the first look. */
export type KnownCounts = Readonly<Record<string, number>>;

/**
 * Asks all routers that are seen as one with this one, itself too; undefined where that cannot be had at
 * the moment.
 */
export type AskParts = (counts: KnownCounts) => Promise<readonly NamedPart[] | undefined>;

/** From which one on the router `name` tells of its requests; undefined for none of them. */
export function knownOf(counts: KnownCounts, name: string): number | undefined {
  // One that was not there at a look before has begun since.
  return counts[name] ?? (Object.keys(counts).length === 0 ? undefined : 0);
}
