/** The fleet as requests see it: who is there, who is chosen, and what is under way. @module */
import type { Engine, Lease } from "../base/mod.ts";
import type { ChoiceAsk, FullPair, PairAsk, PairChoice, Roomy } from "../selection/mod.ts";
import type { Flight, Leg } from "./flight.ts";
import type { FleetView } from "./view.ts";

/** What is asked of a choice; the fleet adds who is there. */
export type Asking<Ask extends ChoiceAsk> = Omit<Ask, "universe" | "pairVerdict">;

/** What flows use of a fleet. */
export interface EngineFleet {
  /** The engines at this moment. */
  snapshot(): FleetView;
  /** Whether any engine has ever served `model`: tells what is gone from what never was. */
  hasSeen(model: string): boolean;
  /** Choose the two engines of a handoff. */
  choosePair(ask: Asking<PairAsk> & Roomy): PairChoice | FullPair;
  choosePair(ask: Asking<PairAsk>): PairChoice;
  /** Choose one engine for a whole request. */
  chooseDirect(ask: Asking<ChoiceAsk> & Partial<Roomy>): Engine | undefined;
  /**
   * Begin an exchange with `engine`, in a handoff with its `peer`; its outcome must be said. What `seat`
   * holds is moved to it, and given back when it is over.
   */
  take(engine: Engine, leg: Leg, peer?: Engine, seat?: Lease): Flight;
}
