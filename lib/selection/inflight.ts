/** How many requests are at each engine now. @module */
import { type Engine, Lease } from "../base/mod.ts";

/** What an engine does for a request. */
export type Leg = "prefill" | "decode" | "direct";

/** Counts requests per engine and leg, by leases. */
export class Inflight {
  readonly #counts = new Map<string, number>();
  readonly #onChange: (engine: Engine, leg: Leg, delta: number) => void;

  constructor(onChange: (engine: Engine, leg: Leg, delta: number) => void = () => {}) {
    this.#onChange = onChange;
  }

  /** Count one request at `engine` until the lease falls. */
  take(engine: Engine, leg: Leg): Lease {
    this.#add(engine, leg, 1);
    return new Lease(() => this.#add(engine, leg, -1));
  }

  /** Requests at `engine` now, all legs. */
  of(engine: Engine): number {
    return this.#counts.get(engine.id) ?? 0;
  }

  /** Requests at all engines now. */
  get total(): number {
    return [...this.#counts.values()].reduce((sum, count) => sum + count, 0);
  }

  #add(engine: Engine, leg: Leg, delta: number): void {
    const count = this.of(engine) + delta;
    if (count === 0) this.#counts.delete(engine.id);
    else this.#counts.set(engine.id, count);
    this.#onChange(engine, leg, delta);
  }
}
