/** Reading a source of engines to its end. @module */
import { describeError, type Logger } from "../base/mod.ts";
import type { EngineSource, SourceChange } from "./engine_source.ts";

/** What happens to engines of a source. */
export type EngineChange = Exclude<SourceChange, { readonly kind: "synced" }>;

/** Who reads, and for how long. */
export interface SourceReader {
  /** Aborts when nothing more is wanted. */
  readonly signal: AbortSignal;
  readonly log: Pick<Logger, "error">;
  /** The engines that it began with have been told. */
  readonly onSynced: () => void;
  readonly onChange: (change: EngineChange) => void;
}

/** Tell of each change of `source`; a source that fails is told of in the log, and read no more. */
export async function readSource(
  source: EngineSource,
  { signal, log, onSynced, onChange }: SourceReader,
): Promise<void> {
  try {
    for await (const change of source.changes(signal)) {
      if (signal.aborted) return;
      if (change.kind === "synced") onSynced();
      else onChange(change);
    }
  } catch (error) {
    if (signal.aborted) return;
    log.error("Engines are not followed any more: their source has failed", () => ({
      error: describeError(error),
    }));
  }
}
