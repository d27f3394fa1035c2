/** What outcomes say of engines and of pairs. @module */
import { GOOD, type Verdict } from "../selection/mod.ts";
import type { Outcome } from "./flight.ts";

/** Learns from outcomes. Told of engines that are in the fleet alone. */
export interface Health {
  /** Learn from one flight. */
  report(outcome: Outcome): void;
  /** What holds for one engine, by id. */
  engine(id: string): Verdict;
  /** What holds for two engines together, both of which may be good. */
  pair(prefill: string, decode: string): Verdict;
  /** An engine has gone: nothing of it shall be kept. */
  forget(id: string): void;
  /** Have `on` told when an engine's verdict becomes another one without an outcome, as time goes by. */
  watch?(on: (id: string) => void): Disposable;
}

/**
 * An engine is good when it answered its last question for models, whatever it said, and shut when it
 * gave no answer. What fails otherwise is gone around by the request that saw it fail, and has the
 * fleet ask at once. Pairs are always good.
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
