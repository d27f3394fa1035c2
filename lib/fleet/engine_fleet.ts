/** The fleet as requests see it: who is there, who is chosen, and what is under way. @module */
import type { Engine, Lease } from "../base/mod.ts";
import type { ChoiceAsk, FullPair, PairAsk, PairChoice, Roomy, Verdict } from "../selection/mod.ts";
import type { Flight, FlightSubject, Leg } from "./flight.ts";
import type { DoubtedPair } from "./health.ts";
import type { FleetView } from "./view.ts";

/** What is asked of a choice; the fleet adds who is there. */
export type Asking<Ask extends ChoiceAsk> = Omit<Ask, "universe" | "pairVerdict">;

/** What flows use of a fleet. */
export interface EngineFleet {
  /** The engines at this moment. */
  snapshot(): FleetView;
  /** What holds for `engine`; good when it is not there. */
  verdict(engine: Engine): Verdict;
  /** The pairs of engines that are not good. */
  doubtedPairs(): readonly DoubtedPair[];
  /** Whether the two hand nothing off to one another, as what they tell of themselves does not go together. */
  differ(prefill: Engine, decode: Engine): boolean;
  /** Whether any engine has ever served `model`: tells what is gone from what never was. */
  hasSeen(model: string): boolean;
  /**
   * Choose the two engines of a handoff. A choice that is a trial keeps others from the pair, where room
   * is looked at as soon as its seats are taken.
   */
  choosePair(ask: Asking<PairAsk> & Roomy): PairChoice | FullPair;
  choosePair(ask: Asking<PairAsk>): PairChoice;
  /** Choose one engine for a whole request. */
  chooseDirect(ask: Asking<ChoiceAsk> & Partial<Roomy>): Engine | undefined;
  /**
   * Begin an exchange with `engine`, in a handoff with its `peer`; its outcome must be said. What `seat`
   * holds is moved to it, and given back when it is over. With the leg that computes it goes the prompt:
   * policies remember the choice, and its tokens are counted at the engine until the answer begins.
   */
  take(engine: Engine, leg: Leg, peer?: Engine, seat?: Lease, about?: FlightSubject): Flight;
}
