/** What is told of each engine: who it is, what is taken of it, and what speaks against it. @module */
import type { Engine, ErrorCode } from "../base/mod.ts";
import type { Load, Verdict } from "../selection/mod.ts";
import type { HttpDeps } from "./context.ts";
import { engineNotes } from "./engine_notes.ts";

/** One engine, as `/engines` tells of it. */
export type EngineRow = Readonly<Record<string, unknown>>;

/** What is told of engines by. */
export type EngineRowDeps = Pick<HttpDeps, "kvReport" | "life"> & {
  readonly fleet: Pick<HttpDeps["fleet"], "snapshot" | "doubtedPairs" | "verdict">;
  readonly names: Pick<HttpDeps["names"], "of" | "exposed">;
};

/**
 * A row for each engine, by its id: how far it is in its life, and who it is. What speaks against an
 * engine, and against pairs of it, is told where there is something.
 */
export function engineRows(
  { fleet, names, kvReport, life }: EngineRowDeps,
): ReadonlyMap<string, EngineRow> {
  const view = fleet.snapshot();
  const notes = engineNotes(kvReport, view.engines, names, life);
  const doubted = Map.groupBy(fleet.doubtedPairs(), ({ prefill }) => prefill.id);
  return new Map(
    view.entries.map(({ engine, created, load, asleep, onSideSince }) => {
      const pairs = doubted.get(engine.id)?.map(({ decode, verdict }) => ({
        engine_id: names.of(decode),
        ...judgement(verdict),
      }));
      const row = {
        engine_id: names.of(engine),
        serving_models: engine.models,
        created,
        ...(names.exposed ? { url: engine.url } : {}),
        ...roleTold(engine, onSideSince),
        ...(asleep === true ? { sleeping: true } : {}),
        ...(load === undefined ? {} : roomTold(load)),
        ...judgement(fleet.verdict(engine)),
        ...(pairs === undefined ? {} : { shut_pairs: pairs }),
        ...life?.of(engine),
        ...notes.get(engine.id),
      };
      return [engine.id, row] as const;
    }),
  );
}

/** What an engine may be asked to do; of one that can be on either side, on which it is and since when. */
function roleTold(
  { role, elastic }: Engine,
  since: number | undefined,
): Readonly<Record<string, unknown>> {
  return elastic === true ? { role: "both", side: role, since } : { role };
}

/** Requests at an engine, and how many more it may get; the same in bytes of its KV buffer. */
function roomTold({ seats, maxSeats, kvBytes, buffer }: Load): Readonly<Record<string, number>> {
  return {
    inflight: seats,
    room: Math.max(0, maxSeats - seats),
    ...(buffer === undefined ? {} : { kv_bytes: kvBytes, kv_room: buffer.bytes - kvBytes }),
  };
}

/** What health says, unless it is all well; whether an engine leaves is its source's to say. */
function judgement(verdict: Verdict): { readonly verdict?: string; readonly why?: ErrorCode } {
  if (verdict.kind === "good" || verdict.kind === "leaving") return {};
  const { kind, why } = verdict;
  return { verdict: kind, ...(why === undefined ? {} : { why }) };
}
