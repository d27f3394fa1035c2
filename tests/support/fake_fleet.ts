/** A fleet of given engines that remembers how its flights ended. @module */
import type { Clock, Engine } from "../../lib/base/mod.ts";
import {
  type DoubtedPair,
  type EngineFleet,
  FleetView,
  type Flight,
  type Leg,
  type Outcome,
  takeOff,
} from "../../lib/fleet/mod.ts";
import { GOOD, idleCandidate, type PairChoice, type Verdict } from "../../lib/selection/mod.ts";

/** Chooses the first engine of a role, and has real flights take off. */
export class FakeFleet implements EngineFleet {
  /** Of the flights that are over, in order. */
  readonly outcomes: Outcome[] = [];
  /** Pairs that differ, as `<prefill>+<decode>` of their ids. */
  readonly unequal = new Set<string>();
  /** Flights that are not. */
  inflight = 0;
  readonly #clock: Clock;
  readonly #engines: readonly Engine[];
  readonly #maxModelLen: number | undefined;

  /** `maxModelLen`: what the engines' cards say of every model, in tokens. */
  constructor(clock: Clock, engines: readonly Engine[], maxModelLen?: number) {
    this.#clock = clock;
    this.#engines = engines;
    this.#maxModelLen = maxModelLen;
  }

  /** How each flight ended, as text: leg, end, and the code of its failure. */
  get ends(): readonly string[] {
    return this.outcomes.map(({ leg, end, code }) => [leg, end, code].filter(Boolean).join(" "));
  }

  snapshot(): FleetView {
    const max = this.#maxModelLen;
    const entries = this.#engines.map((engine) => ({
      engine,
      cards: engine.models.map((id) => ({
        id,
        ...(max === undefined ? {} : { max_model_len: max }),
      })),
      created: 0,
    }));
    return new FleetView(entries, this.#engines.map(idleCandidate));
  }

  verdict(): Verdict {
    return GOOD;
  }

  doubtedPairs(): readonly DoubtedPair[] {
    return [];
  }

  differ(prefill: Engine, decode: Engine): boolean {
    return this.unequal.has(`${prefill.id}+${decode.id}`);
  }

  hasSeen(model: string): boolean {
    return this.#engines.some(({ models }) => models.includes(model));
  }

  choosePair(): PairChoice {
    const prefill = this.#engines.find(({ role }) => role === "prefill");
    const decode = this.#engines.find(({ role }) => role === "decode");
    if (decode === undefined) return { kind: "none", lacks: "receiver" };
    if (prefill === undefined) return { kind: "none", lacks: "prefill" };
    return { kind: "pair", pair: { prefill, decode } };
  }

  chooseDirect(): Engine | undefined {
    return this.#engines.find(({ role }) => role !== "prefill");
  }

  take(engine: Engine, leg: Leg, peer?: Engine): Flight {
    this.inflight++;
    return takeOff({
      clock: this.#clock,
      engine,
      leg,
      peer,
      onLanded: (outcome) => {
        this.inflight--;
        this.outcomes.push(outcome);
      },
    });
  }
}
