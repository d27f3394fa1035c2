/** The table of engines: changes in, frozen snapshots out. @module */
import type { Engine } from "../base/mod.ts";
import type { ModelCard } from "../openai/mod.ts";

/** An engine with what it said of itself. */
export interface EngineEntry {
  readonly engine: Engine;
  /** Its model cards as it gave them; empty until it answered. */
  readonly cards: readonly ModelCard[];
  /** Unix seconds at which it was added. */
  readonly created: number;
}

/** The engines at one moment. */
export interface DirectorySnapshot {
  /** Ordered by URL. */
  readonly entries: readonly EngineEntry[];
  readonly engines: readonly Engine[];
  /** Ids of engines that did not answer when they were last asked. */
  readonly silent: ReadonlySet<string>;
}

/** Holds the engines. Changes build a new snapshot; whoever holds an old one keeps it. */
export class EngineDirectory {
  #snapshot: DirectorySnapshot = freezeSnapshot([], new Set());
  readonly #seenModels = new Set<string>();

  /** The engines now. */
  snapshot(): DirectorySnapshot {
    return this.#snapshot;
  }

  /** Add an engine, or replace the one with its id. */
  upsert(entry: EngineEntry): void {
    const others = this.#snapshot.entries.filter((other) => other.engine.id !== entry.engine.id);
    this.#publish([...others, entry]);
  }

  /** Note whether an engine answers. */
  setSilent(id: string, silent: boolean): void {
    const known = this.#snapshot.silent;
    if (known.has(id) === silent) return;
    const others = new Set([...known].filter((other) => other !== id));
    this.#snapshot = freezeSnapshot(
      this.#snapshot.entries,
      silent ? others.add(id) : others,
    );
  }

  /** Take an engine out; unknown ids change nothing. */
  remove(id: string): void {
    this.#publish(this.#snapshot.entries.filter((other) => other.engine.id !== id));
  }

  /** Whether any engine has ever served `model`: tells 503 (gone) from 404 (unknown). */
  hasSeen(model: string): boolean {
    return this.#seenModels.has(model);
  }

  /** Longest context of `model` in tokens, as the engines' cards say; the least of them. */
  maxModelLen(model: string): number | undefined {
    let least: number | undefined;
    for (const { cards } of this.#snapshot.entries) {
      for (const card of cards) {
        const length = card.id === model ? card.max_model_len : undefined;
        if (typeof length === "number" && (least === undefined || length < least)) least = length;
      }
    }
    return least;
  }

  #publish(entries: readonly EngineEntry[]): void {
    const sorted = entries.toSorted((a, b) => a.engine.url < b.engine.url ? -1 : 1);
    for (const { engine } of sorted) {
      for (const model of engine.models) this.#seenModels.add(model);
    }
    const ids = new Set(sorted.map(({ engine }) => engine.id));
    this.#snapshot = freezeSnapshot(sorted, this.#snapshot.silent.intersection(ids));
  }
}

function freezeSnapshot(
  entries: readonly EngineEntry[],
  silent: ReadonlySet<string>,
): DirectorySnapshot {
  return Object.freeze({
    entries: Object.freeze(entries),
    engines: Object.freeze(entries.map((entry) => entry.engine)),
    silent,
  });
}
