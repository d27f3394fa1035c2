/** What `/engines` tells of an engine beside what every router tells: that its KV is not found. @module */
import type { Engine } from "../base/mod.ts";
import type { KvMark, KvPair, Misfit, RoleDifference } from "../fleet/mod.ts";
import type { CanaryNote } from "../flow/mod.ts";
import type { EngineNames } from "./engine_names.ts";

/** What has been found out of KV. */
export interface KvReport {
  /** Pairs whose KV is not found. */
  marks(): readonly KvMark[];
  canaries(): readonly CanaryNote[];
  /** Resolves when all pairs have been tried once, with how many there are; absent where none are tried. */
  firstRound?(): Promise<{ readonly pairs: number }> | undefined;
  differences(): readonly RoleDifference[];
}

/** How far engines are in their lives. */
export interface LifeReport {
  /** Its state, and what it gets of its share of requests where that is not all. */
  of(engine: Engine): { readonly state: string; readonly share?: number };
  /** Pairs of engines that differ, and in what. */
  misfits(): readonly Misfit[];
  /** Pairs that a restart of the prefill engine is to mend. */
  broken(): readonly KvPair[];
}

/** Fields for each engine by its id; of an engine without a note there is none. */
export type EngineNotes = ReadonlyMap<string, Readonly<Record<string, unknown>>>;

/** What `report` and `life` say, by engine. */
export function engineNotes(
  report: KvReport | undefined,
  engines: readonly Engine[],
  names: Pick<EngineNames, "of">,
  life?: Pick<LifeReport, "misfits" | "broken">,
): EngineNotes {
  const notes = new Map<string, Record<string, unknown[]>>();
  const add = (id: string, field: string, value: unknown): void => {
    const known = notes.get(id) ?? {};
    notes.set(id, known);
    (known[field] ??= []).push(value);
  };
  const addPair = (pair: KvPair, field: string, value: Readonly<Record<string, unknown>>): void => {
    add(pair.prefill.id, field, { peer: names.of(pair.decode), ...value });
    add(pair.decode.id, field, { peer: names.of(pair.prefill), ...value });
  };
  for (const { differ, ...pair } of life?.misfits() ?? []) addPair(pair, "unequal", { differ });
  for (const pair of life?.broken() ?? []) {
    addPair(pair, "broken_pairs", { restart: names.of(pair.prefill) });
  }
  if (report === undefined) return notes;
  for (const mark of report.marks()) {
    const since = Math.floor(mark.since / 1000);
    addPair(mark, "recompute_suspected", { cause: mark.cause, since });
  }
  for (const note of report.canaries()) {
    addPair(note, "canary", { result: note.result, at: Math.floor(note.at / 1000) });
  }
  for (const { kv, ...difference } of report.differences()) {
    for (const { id, role, models, kv: own } of engines) {
      if (own === kv && role !== "any" && models.includes(difference.model)) {
        add(id, "differences", difference);
      }
    }
  }
  return notes;
}
