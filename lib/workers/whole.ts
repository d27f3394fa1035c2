/** Several workers seen as one: whoever is asked, all of them tell. Of the supervisor. @module */
import {
  type Breather,
  type Clock,
  decodeUtf8,
  encodeUtf8,
  inSlices,
  type Sliced,
} from "../base/mod.ts";
import { countersIn, MetricsMerge, type Series } from "../metrics/mod.ts";
import type { Call } from "./call.ts";
import { Departed } from "./departed.ts";
import { mergedEngines } from "./merge_engines.ts";
import { mergedHealth, mergedReady } from "./merge_health.ts";
import { giveTold, takeTold, TOLD, type Told, type ToldAnswer } from "./told.ts";
import type { WorkerSlot } from "./worker_slot.ts";

/** What it works with. */
export interface WholeParts {
  readonly clock: Clock;
  readonly breather: Breather;
  readonly workers: readonly Pick<WorkerSlot, "number" | "life" | "state" | "call">[];
  /** What the supervisor itself tells, beside the workers. */
  readonly own: () => ReadonlyMap<string, Series>;
  readonly stopping: () => boolean;
}

/** How long a worker may take to tell, in milliseconds: scrapes have ten seconds. */
export const TOLD_MS = 3_000;

/** Name of the call by which a worker asks for what all tell, and of the one that each is asked by. */
export const WHOLE_CALL = "whole";
export const OWN_CALL = "own";

/** Asks all, and puts together what they tell. */
export class Whole {
  readonly #parts: WholeParts;
  readonly #departed = new Departed();
  /** By what is asked for: those who ask before a round has begun are told of the same. */
  readonly #next = new Map<Told, Promise<ToldAnswer>>();
  readonly #running = new Map<Told, Promise<unknown>>();

  constructor(parts: WholeParts) {
    this.#parts = parts;
  }

  /** Answer a worker's call. */
  async answer(head: Uint8Array, call: Call): Promise<void> {
    const asked = decodeUtf8(head);
    const what = TOLD.find((name) => name === asked);
    if (what === undefined) return call.cancel(`Nobody can tell '${asked}'`);
    try {
      await giveTold(call, await this.ask(what));
    } catch (error) {
      if (!call.signal.aborted) throw error;
    }
  }

  /** What all tell, from the call on. */
  ask(what: Told): Promise<ToldAnswer> {
    const next = this.#next.get(what);
    if (next !== undefined) return next;
    const before = this.#running.get(what);
    if (before === undefined) return this.#begin(what);
    const asked = before.then(() => {
      this.#next.delete(what);
      return this.#begin(what);
    });
    this.#next.set(what, asked);
    return asked;
  }

  /** A worker has ended: what it has counted is not forgotten. */
  async forget(worker: Pick<WorkerSlot, "number">): Promise<void> {
    await inSlices(this.#departed.end(worker.number), this.#parts.breather);
  }

  #begin(what: Told): Promise<ToldAnswer> {
    const round = this.#round(what);
    const settled = round.then(() => {}, () => {}).then(() => {
      if (this.#running.get(what) === settled) this.#running.delete(what);
    });
    this.#running.set(what, settled);
    return round;
  }

  async #round(what: Told): Promise<ToldAnswer> {
    const { clock, workers, breather, stopping } = this.#parts;
    const asked = workers.filter(({ state }) => state === "serving");
    const all = await Promise.all(asked.map(async (worker) => {
      const { life } = worker;
      const call = worker.call(OWN_CALL, encodeUtf8(what));
      const answer = call && await takeTold(call, { clock, limitMs: TOLD_MS });
      return { worker, life, answer };
    }));
    // Of one that has ended since, what it has counted is kept elsewhere.
    const told = all.filter(({ worker, life }) =>
      worker.state === "serving" && worker.life === life
    );
    const answers = told.flatMap(({ answer }) => answer ?? []);
    switch (what) {
      case "metrics":
        return await inSlices(this.#metrics(told), breather);
      case "engines":
        return mergedEngines(answers);
      case "health":
        return mergedHealth({ answers, count: workers.length, stopping: stopping() });
      case "ready":
        return mergedReady({ answers, count: workers.length, stopping: stopping() });
      default:
        return what satisfies never;
    }
  }

  *#metrics(
    told: readonly {
      readonly worker: Pick<WorkerSlot, "number">;
      readonly answer: ToldAnswer | undefined;
    }[],
  ): Sliced<ToldAnswer> {
    const merge = new MetricsMerge();
    let silent = 0;
    for (const { worker, answer } of told) {
      if (answer !== undefined) this.#departed.note(worker.number, answer.body);
      else silent++;
      // One that does not answer has counted what it had: without it, sums would fall and rise again.
      const text = answer?.body ?? this.#departed.last(worker.number);
      if (text === undefined) continue;
      yield* answer === undefined ? addCounters(merge, text) : merge.add(text);
    }
    this.#departed.addTo(merge);
    for (const [name, series] of this.#parts.own()) merge.addSeries(name, series);
    if (silent > 0) {
      merge.addSeries(
        "pd_router_workers",
        new Map([['pd_router_workers{state="silent"}', silent]]),
      );
    }
    const contentType = told.find(({ answer }) => answer)?.answer?.contentType ?? "text/plain";
    return { status: 200, contentType, body: yield* merge.text() };
  }
}

function* addCounters(merge: MetricsMerge, text: Uint8Array): Sliced<void> {
  for (const [name, series] of yield* countersIn(text)) merge.addSeries(name, series);
}
