/** What outcomes say of engines and of pairs. @module */
import type { Engine } from "../base/mod.ts";
import { GOOD, type Verdict } from "../selection/mod.ts";
import type { Leg, Outcome } from "./flight.ts";

/** A flight that has begun, or is being answered. */
export interface Begun {
  readonly engine: Engine;
  readonly leg: Leg;
  readonly peer: Engine | undefined;
}

/** Learns from outcomes. Told of engines that are in the fleet alone. */
export interface Health {
  /** Learn from one flight. */
  report(outcome: Outcome): void;
  /** An engine is in the fleet from here on, or has another role. */
  know?(engine: Engine): void;
  /** A flight has begun: it may be the trial of an engine or a pair on probation. */
  began?(flight: Begun): void;
  /** The head of a good answer has come to a flight that is `ms` old. */
  answering?(flight: Begun, ms: number): void;
  /** What holds for one engine, by id. */
  engine(id: string): Verdict;
  /** What holds for two engines together, both of which may be good. */
  pair(prefill: string, decode: string): Verdict;
  /** An engine has gone: nothing of it shall be kept. */
  forget(id: string): void;
  /** Have `on` told when an engine's verdict becomes another one that no outcome of its own tells. */
  watch?(on: (id: string) => void): Disposable;
}

/**
 * An engine is good when it answered its last question for models, whatever it said, and shut when it
 * gave no answer. Pairs are always good.
 */
export function answeringHealth(): Health {
  const shut = new Map<string, Verdict>();
  return {
    report({ engine, leg, end, code }) {
      if (leg !== "models" || end === "left") return;
      if (end === "ok") shut.delete(engine.id);
      else shut.set(engine.id, { kind: "shut", why: code ?? "internal" });
    },
    engine: (id) => shut.get(id) ?? GOOD,
    pair: () => GOOD,
    forget: (id) => void shut.delete(id),
  };
}
