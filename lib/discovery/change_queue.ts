/** What is to be told of engines, until it is read: of each engine how it is at last. @module */
import type { Engine } from "../base/mod.ts";
import type { SourceChange } from "../fleet/mod.ts";
import { LatestQueue } from "./latest_queue.ts";

/** An engine that is there. */
export interface Standing {
  readonly engine: Engine;
  readonly leaving: boolean;
  /** Undefined where its source does not know. */
  readonly asleep?: boolean | undefined;
}

/** Of the book, for the fleet. */
export class ChangeQueue {
  readonly #queue = new LatestQueue<Standing>();

  /** Have told how the engine `id` is; undefined for one that is gone. */
  push(id: string, standing: Standing | undefined): void {
    this.#queue.push(id, standing);
  }

  /** Have told, behind all that waits, that everything there was at the beginning has been. */
  sync(): void {
    this.#queue.sync();
  }

  /** All changes, until `stop` aborts; for one reader. */
  read(stop: AbortSignal): AsyncGenerator<SourceChange> {
    return this.#queue.read(stop, changesOf);
  }
}

function* changesOf(id: string, standing: Standing | undefined): Generator<SourceChange> {
  if (standing === undefined) return yield { kind: "remove", id };
  const { engine, leaving, asleep } = standing;
  yield { kind: "upsert", engine, ...(asleep === undefined ? {} : { asleep }) };
  if (leaving) yield { kind: "leaving", id };
}
