/** What was changed by hand, as a value: for routers that are started later. @module */
import type { EnginePatch, RawEngine } from "../config/mod.ts";
import type { HandMark } from "../discovery/mod.ts";
import type { AdminDeps } from "./admin_deps.ts";

/** All of it, as JSON can say it. */
export interface HandChanges {
  /** Engines that were added. */
  readonly added: readonly RawEngine[];
  /** Engines that were drained or changed, by their keys. */
  readonly marked: readonly (readonly [key: string, drained: boolean, patch: EnginePatch | null])[];
}

/** What holds at the moment. */
export function changesOf({ book, manual }: Pick<AdminDeps, "book" | "manual">): HandChanges {
  const entries = [...book.entries()];
  return {
    added: entries.filter(({ source }) => source === manual.name).map(({ found }) => found.raw),
    marked: entries.filter(({ drained, patch }) => drained || patch !== undefined)
      .map(({ key, drained, patch }) => [key, drained, patch ?? null] as const),
  };
}

/** What was drained or changed, for engines as they are found. */
export function marksOf({ marked }: HandChanges): Map<string, HandMark> {
  return new Map(
    marked.map(([key, drained, patch]) => [key, { drained, patch: patch ?? undefined }]),
  );
}
