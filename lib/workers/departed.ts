/** What workers that have gone had counted, so that sums never fall. Of the supervisor. @module */
import type { Sliced } from "../base/mod.ts";
import { countersIn, type MetricsMerge } from "../metrics/mod.ts";

/** Series that are kept of those that have gone; behind that, those of engines are forgotten. */
const MAX_SERIES = 100_000;

/** Labels that name engines, of which nothing is told once they have gone. */
const OF_ENGINE = /[{,](?:server|prefill|decode)="/;

/** The last text of each worker, and the sums of those that have gone. */
export class Departed {
  readonly #last = new Map<number, Uint8Array>();
  readonly #sums = new Map<string, Map<string, number>>();
  #size = 0;

  /** What `worker` told last. */
  note(worker: number, text: Uint8Array): void {
    this.#last.set(worker, text);
  }

  /** What it told last; undefined where it has told nothing. */
  last(worker: number): Uint8Array | undefined {
    return this.#last.get(worker);
  }

  /** It has gone: another will begin at zero. What it has counted since it was asked last is lost. */
  *end(worker: number): Sliced<void> {
    const text = this.#last.get(worker);
    if (text === undefined) return;
    this.#last.delete(worker);
    for (const [name, series] of yield* countersIn(text)) {
      let sums = this.#sums.get(name);
      if (sums === undefined) this.#sums.set(name, sums = new Map());
      for (const [key, value] of series) {
        if (!sums.has(key)) this.#size++;
        sums.set(key, (sums.get(key) ?? 0) + value);
      }
      yield;
    }
    if (this.#size > MAX_SERIES) this.#prune();
  }

  /** Add the sums to what is told; of engines, where a worker that is there tells of them. */
  addTo(merge: MetricsMerge): void {
    for (const [name, sums] of this.#sums) {
      const told = [...sums].filter(([key]) => !OF_ENGINE.test(key) || merge.tells(name, key));
      merge.addSeries(name, new Map(told));
    }
  }

  #prune(): void {
    this.#size = 0;
    for (const sums of this.#sums.values()) {
      for (const key of [...sums.keys()]) if (OF_ENGINE.test(key)) sums.delete(key);
      this.#size += sums.size;
    }
  }
}
