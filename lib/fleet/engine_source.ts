/** Where engines come from: a stream of changes, in order. @module */
import type { Engine } from "../base/mod.ts";

/** One change of the fleet. */
export type SourceChange =
  /**
   * An engine is there, or its record is another one. Empty `models` are read from the engine itself.
   * An engine that was leaving stays. Under another `started` it is another engine.
   */
  | {
    readonly kind: "upsert";
    readonly engine: Engine;
    /** Whether it sleeps; absent where its source does not know. */
    readonly asleep?: boolean;
  }
  /** It shall get nothing more, and may end what it has. */
  | { readonly kind: "leaving"; readonly id: string }
  /** It is gone; requests under way on it may still end. */
  | { readonly kind: "remove"; readonly id: string }
  /** What was there when the source began has been told, be it nothing. */
  | { readonly kind: "synced" };

/** Tells which engines there are. */
export interface EngineSource {
  /**
   * All changes from the beginning, in order; ends when `stop` aborts, or when there will be none any
   * more. Keeps trying by itself where it can fail: what it throws ends it, and the fleet stays as it is.
   */
  changes(stop: AbortSignal): AsyncIterable<SourceChange>;
}

/** The source of a fleet that never changes. */
export function staticSource(engines: readonly Engine[]): EngineSource {
  return {
    async *changes() {
      for (const engine of engines) yield { kind: "upsert", engine };
      yield { kind: "synced" };
    },
  };
}
