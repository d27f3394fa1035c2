/** How the admin API shows engines: what their source says, what became of it, and what they are doing. @module */
import { maskUrls } from "../config/mod.ts";
import type { BookEntry, SourceState } from "../discovery/mod.ts";
import type { EngineRow } from "../http/mod.ts";
import type { AdminDeps } from "./admin_deps.ts";

/** What an engine is doing. */
export const ENGINE_STATES = [
  "left_out",
  "joining",
  "slow_start",
  "ready",
  "sleeping",
  "draining",
  "drained",
  "gone",
] as const;
export type EngineState = typeof ENGINE_STATES[number];

/** One engine, as JSON. */
export interface EngineView extends EngineRow {
  readonly id: string;
  readonly state: EngineState;
  readonly inflight: number;
}

/** `entry` as it is at this moment. */
export function engineView(
  deps: Pick<AdminDeps, "fleet">,
  entry: BookEntry,
  row: EngineRow | undefined,
): EngineView {
  const { engine, found, patch, drained, problems, source } = entry;
  const { engine_id: _id, serving_models: models, inflight: _seats, ...told } = row ?? {};
  return {
    role: found.raw.role,
    ...told,
    id: idOf(entry),
    url: engine?.url ?? maskUrls(found.raw.url),
    source,
    where: found.where,
    state: stateOf(deps, entry, told["state"]),
    problems,
    drained,
    inflight: inflightOf(deps, entry),
    models: models ?? engine?.models ?? found.raw.models,
    verdict: row === undefined ? null : told["verdict"] ?? "good",
    started: found.started ?? null,
    written: { ...found.raw, url: maskUrls(found.raw.url) },
    patch: patch ?? null,
  };
}

/** What an engine is called here: one that is left out has no id, but its source's name and its own. */
export function idOf({ engine, key }: BookEntry): string {
  return engine?.id ?? key;
}

/** Requests that it works on, or has been chosen for, or whose KV is to be had of it. */
export function inflightOf({ fleet }: Pick<AdminDeps, "fleet">, { engine }: BookEntry): number {
  const live = engine && fleet.live(engine);
  return live === undefined ? 0 : Math.max(live.inflight, live.load.needed);
}

/** `life` is how far the fleet has it, if it knows. */
function stateOf(
  deps: Pick<AdminDeps, "fleet">,
  entry: BookEntry,
  life: unknown,
): EngineState {
  const { engine } = entry;
  if (engine === undefined) return "left_out";
  const live = deps.fleet.live(engine);
  if (live === undefined) return "joining";
  if (live.leaving) return inflightOf(deps, entry) > 0 ? "draining" : "drained";
  if (live.asleep) return "sleeping";
  return life === "joining" || life === "slow_start" ? life : "ready";
}

/** A source, as JSON. */
export function sourceView({ name, engines, leftOut, synced, ailment }: SourceState): EngineRow {
  return { name, engines, left_out: leftOut, synced, ailment: ailment ?? null };
}
