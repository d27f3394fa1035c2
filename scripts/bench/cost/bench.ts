/** What the sections of a run have in common: the ways, open and warm, and how much time is spent. @module */
import type { Children } from "../child.ts";
import { openAlone, type WarmUp, warmUp } from "./measure.ts";
import type { Table } from "./rows.ts";
import type { Tools } from "./tools.ts";
import type { OpenWay, Way, WayKind } from "./ways.ts";

/** How much is measured. */
export interface Effort {
  readonly rounds: number;
  /** Of loads that are limited by time. */
  readonly seconds: number;
  readonly warmUp: WarmUp;
  readonly connections: readonly number[];
  /** Streams at a time, and their microseconds from token to token. */
  readonly streams: readonly (readonly [number, number])[];
  readonly bodies: readonly number[];
  readonly engines: readonly number[];
  /** How often each program is started. */
  readonly starts: number;
  /** How long after a burst memory is read again, in seconds. */
  readonly restSeconds: number;
}

/** As README's figures are made. */
export const FULL: Effort = {
  rounds: 3,
  seconds: 2,
  warmUp: { requests: 20_000, streams: 64 },
  connections: [1, 32, 256],
  streams: [[64, 5_000], [256, 5_000], [1_000, 5_000], [1_000, 25_000]],
  bodies: [32 * 1024, 128 * 1024, 512 * 1024, 4 * 1024 * 1024],
  engines: [2, 64, 1024],
  starts: 3,
  restSeconds: 60,
};

/** To see whether something has changed a lot. */
export const QUICK: Effort = {
  rounds: 1,
  seconds: 0.7,
  warmUp: { requests: 5_000, streams: 32 },
  connections: [1, 32],
  streams: [[64, 5_000], [256, 5_000]],
  bodies: [128 * 1024, 4 * 1024 * 1024],
  engines: [2, 64],
  starts: 1,
  restSeconds: 5,
};

/** What sections are run with. */
export interface Bench {
  readonly children: Children;
  readonly tools: Tools;
  /** Those that were asked for and can be had. */
  readonly ways: readonly Way[];
  readonly effort: Effort;
  /** Ways of `kinds`, open and warm; the same ones each time. */
  warm(kinds: readonly WayKind[]): Promise<readonly OpenWay[]>;
  /** Says what is being done. */
  say(text: string): void;
}

/** One part of a run. */
export type Section = (bench: Bench) => Promise<Table>;

/** Turns that ways take in warming up. */
const WARM_UP_TURNS = 4;

/** A bench whose processes are among `children`. */
export function benchOf(
  parts: Pick<Bench, "children" | "tools" | "ways" | "effort" | "say">,
): Bench {
  const open = new Map<Way, OpenWay>();
  const { requests, streams } = parts.effort.warmUp;
  // In turn: the first would have rested for too long when the last is warm.
  const warmAll = async (ways: readonly OpenWay[]): Promise<void> => {
    const each = { requests: Math.ceil(requests / WARM_UP_TURNS), streams };
    for (let turn = 0; turn < WARM_UP_TURNS; turn++) {
      for (const way of ways) await warmUp(parts.tools, way, each);
    }
  };
  return {
    ...parts,
    async warm(kinds) {
      const cold: OpenWay[] = [];
      const all: OpenWay[] = [];
      for (const way of parts.ways.filter(({ kind }) => kinds.includes(kind))) {
        let opened = open.get(way);
        if (opened === undefined) {
          parts.say(`${way.name}: start`);
          opened = await openAlone(parts.children, parts.tools, way);
          open.set(way, opened);
          cold.push(opened);
        }
        all.push(opened);
      }
      if (cold.length > 0) parts.say("warm-up of all in turn");
      await warmAll(cold);
      return all;
    },
  };
}
