/** What other routers have under way, engine by engine, all of them together. @module */
import { Lease } from "../base/mod.ts";
import type { EngineLoad } from "./entries.ts";

/** The sum over other routers; whoever holds it reads the present. */
export class EngineSum {
  inflight = 0;
  promptTokens = 0;
  seats = 0;
  transfers = 0;
  kvBytes = 0;
  /** Other routers where requests wait for it. */
  waiting = 0;
  /** Called when it is another; `less`: there is less of seats, transfers, KV or of who waits than there was. */
  onMove: ((less: boolean) => void) | undefined;

  /** Have `to` count in the place of `from`; undefined for nothing. */
  move(from: EngineLoad | undefined, to: EngineLoad | undefined): void {
    this.inflight += (to?.inflight ?? 0) - (from?.inflight ?? 0);
    this.promptTokens += (to?.promptTokens ?? 0) - (from?.promptTokens ?? 0);
    const seats = (to?.seats ?? 0) - (from?.seats ?? 0);
    const transfers = (to?.transfers ?? 0) - (from?.transfers ?? 0);
    const kvBytes = (to?.kvBytes ?? 0) - (from?.kvBytes ?? 0);
    this.seats += seats;
    this.transfers += transfers;
    this.kvBytes += kvBytes;
    const waiting = Number(to?.waits ?? false) - Number(from?.waits ?? false);
    this.waiting += waiting;
    this.onMove?.(seats < 0 || transfers < 0 || kvBytes < 0 || waiting < 0);
  }
}

interface Held {
  readonly sum: EngineSum;
  holders: number;
}

/** The sums of all engines that anybody here or elsewhere has to do with. */
export class EngineSums {
  readonly #sums = new Map<string, Held>();

  /** Engines that there is a sum of. */
  get size(): number {
    return this.#sums.size;
  }

  /** The sum of the engine called `name`, kept until the lease is released. */
  hold(name: string): { readonly sum: EngineSum; readonly lease: Lease } {
    const held = this.#sums.get(name) ?? { sum: new EngineSum(), holders: 0 };
    this.#sums.set(name, held);
    held.holders++;
    const lease = new Lease(() => {
      held.holders--;
      if (held.holders === 0) this.#sums.delete(name);
    });
    return { sum: held.sum, lease };
  }
}
