/** What sources find: engines as they were written, one by one, with the names they have there. @module */
import type { RawEngine } from "../config/mod.ts";

/** One engine as its source has it; not checked yet. */
export interface FoundEngine {
  /** Its name within the source, e.g. the uid of a pod. */
  readonly key: string;
  /** What messages call it, e.g. `pod default/vllm-0`. */
  readonly where: string;
  readonly raw: RawEngine;
  /** What is wrong with what was written there: with any of it, the engine is left out. */
  readonly problems?: readonly string[] | undefined;
  /** Its start: under another one it is another engine, whatever its address. */
  readonly started?: string | undefined;
  /** It gets nothing more, and ends what it has. */
  readonly leaving?: boolean | undefined;
  /** It has been put to sleep, and is there. */
  readonly asleep?: boolean | undefined;
}

/** One change of what a source has. */
export type FoundChange =
  /** It is there, or is another than it was. */
  | { readonly kind: "found"; readonly engine: FoundEngine }
  /** It is gone. */
  | { readonly kind: "lost"; readonly key: string }
  /** What was there when the source began has been told, be it nothing. */
  | { readonly kind: "synced" };

/** Finds engines somewhere. */
export interface FoundSource {
  /** Its name in logs, `/engines` and `/health`, e.g. `kubernetes`. */
  readonly name: string;
  /**
   * All changes from the beginning, in order; ends when `stop` aborts, or when there will be none any more.
   * Keeps trying by itself where it can fail, and tells then by `ailment`; what it throws ends it, and what
   * it has found stays.
   */
  changes(stop: AbortSignal): AsyncIterable<FoundChange>;
  /** Why it cannot look at this moment; undefined where it can. */
  readonly ailment?: string | undefined;
}

/** The source of engines that are all known at once. */
export function listedSource(name: string, engines: readonly FoundEngine[]): FoundSource {
  return {
    name,
    async *changes() {
      for (const engine of engines) yield { kind: "found", engine };
      yield { kind: "synced" };
    },
  };
}
