/** Whether an engine that can take either side of handoffs should take the other one. Pure. @module */
import type { Side } from "../base/mod.ts";
import { TARGET } from "./demand.ts";

/** How sides are moved. */
export interface SplitRules {
  /** At most one engine moves in so long, in milliseconds. */
  readonly intervalMs: number;
  /** Engines that each side keeps; where there are too few for both, the decode side has them first. */
  readonly minPrefill: number;
  readonly minDecode: number;
}

/** One side as it is. */
export interface SideState {
  /** Engines that serve, those that are of this side for good among them. */
  readonly engines: number;
  /** Those of them that can move. */
  readonly movable: number;
  /** Busy engines' worth of work, smoothed over time. */
  readonly demand: number;
}

/** What is seen of one model's engines. */
export type SplitView = Readonly<Record<Side, SideState>>;

/** What to do. `floor`: a side has fewer engines than it keeps. `load`: it has more to do. */
export type SplitDecision =
  | { readonly kind: "stay" }
  | { readonly kind: "move"; readonly to: Side; readonly why: "floor" | "load" };

/** As much of its target as a side must have to do before it gets an engine of the other. */
const BUSY = 0.85;

/** By how much less the busier side must have to do afterwards: so no move is soon undone. */
const GAIN = 0.12;

/** The same for a move back of what was moved of late, and how many intervals that is. */
const GAIN_BACK = 0.3;
const OF_LATE = 10;

/** The move before. */
export interface LastMove {
  readonly to: Side;
  /** How long ago, in milliseconds. */
  readonly agoMs: number;
}

const STAY: SplitDecision = { kind: "stay" };

/** How much of what it should have to do each engine of a side has, by which all are alike: 1 is right. */
export function pressureOf(side: Side, demand: number, engines: number): number {
  const target = side === "prefill" ? TARGET.prefill : TARGET.serving;
  return engines === 0 ? Infinity : demand / (target * engines);
}

/**
 * Decide for the engines of one model, of which the `last` move is known, if there was one. A move for
 * load leaves both sides what they keep, and the busier one a good deal less to do.
 */
export function decideSplit(
  view: SplitView,
  rules: SplitRules,
  last: LastMove | undefined,
): SplitDecision {
  if (last !== undefined && last.agoMs < rules.intervalMs) return STAY;
  const least = { prefill: rules.minPrefill, decode: rules.minDecode };
  const { prefill, decode } = view;
  if (decode.engines < least.decode && prefill.movable > 0) {
    return { kind: "move", to: "decode", why: "floor" };
  }
  if (prefill.engines < least.prefill && decode.movable > 0 && decode.engines > least.decode) {
    return { kind: "move", to: "prefill", why: "floor" };
  }
  const pressure = {
    prefill: pressureOf("prefill", prefill.demand, prefill.engines),
    decode: pressureOf("decode", decode.demand, decode.engines),
  };
  const to = pressure.prefill > pressure.decode ? "prefill" : "decode";
  const from = otherSide(to);
  if (pressure[to] < BUSY || view[from].movable === 0) return STAY;
  if (view[from].engines <= least[from]) return STAY;
  const after = Math.max(
    pressureOf(to, view[to].demand, view[to].engines + 1),
    pressureOf(from, view[from].demand, view[from].engines - 1),
  );
  const isBack = last !== undefined && last.to !== to && last.agoMs < OF_LATE * rules.intervalMs;
  return after <= pressure[to] * (1 - (isBack ? GAIN_BACK : GAIN))
    ? { kind: "move", to, why: "load" }
    : STAY;
}

/** The side that an engine begins on that has none: in turns, beginning with the decode side. */
export function firstSide(prefills: number, decodes: number): Side {
  return prefills < decodes ? "prefill" : "decode";
}

/** The other one. */
export function otherSide(side: Side): Side {
  return side === "prefill" ? "decode" : "prefill";
}
