/** Who goes on with a stream: asked for by the stream, found by whoever chooses engines. @module */
import type { AbortWatch } from "../base/mod.ts";
import type { PairSeats } from "../fleet/mod.ts";
import type { KvProtocol } from "../kv/mod.ts";
import type { Exclude, Pair } from "../selection/mod.ts";

/** What is wished for. */
export interface OnwardWish {
  /** Engines to go around while there are others. */
  readonly exclude: readonly Exclude[];
  /** Tokens of what is to be prefilled, about. */
  readonly tokens: number;
  /** Aborts when it is not wished for any more. */
  readonly signal: AbortWatch;
}

/** A pair for it, or why there is none. */
export type Onward =
  | {
    readonly kind: "pair";
    readonly pair: Pair;
    /** The asker's to dispose. */
    readonly seats: PairSeats | undefined;
    readonly protocol: KvProtocol;
  }
  | { readonly kind: "none"; readonly why: "no_pair" | "no_budget" };

/** Finds one. Throws what admission throws, and `client-gone`. */
export type FindOnward = (wish: OnwardWish) => Promise<Onward>;
